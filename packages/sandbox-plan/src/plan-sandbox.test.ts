import { describe, expect, test } from 'vitest'
import { encodePlan } from './encode.js'
import type { MountOperation, SandboxPlan } from './plan.js'
import { FIXED_NAMES } from './plan-env.js'
import { planSandbox } from './plan-sandbox.js'
import { isNormalPath, MNT } from './sandbox-paths.js'
import type { SandboxFacts, SandboxSpec, SandboxWork } from './sandbox-spec.js'
import { ALICE, BERTH_USER, FLASK, factsOf, RESTORE, SHINY, specOf, UNPACK } from './testing-facts.js'

function plan(spec: SandboxSpec, facts: SandboxFacts = factsOf()): SandboxPlan {
  const decision = planSandbox(spec, facts)
  if (decision.kind !== 'plan') throw new Error(decision.message)
  return decision.plan
}

function refusal(spec: SandboxSpec, facts: SandboxFacts = factsOf()): string {
  const decision = planSandbox(spec, facts)
  return decision.kind === 'refuse' ? `${decision.reason}: ${decision.message}` : 'a plan was made'
}

const targets = (plan: SandboxPlan, kind: MountOperation['kind']): string[] =>
  plan.mounts.filter((mount) => mount.kind === kind).map((mount) => mount.to)
const env = (plan: SandboxPlan): Record<string, string> => Object.fromEntries(plan.env)

const EVERY_WORK: readonly [string, SandboxWork][] = [
  ['flask', FLASK],
  ['shiny', SHINY],
  ['unpack', UNPACK],
  ['restore-python', RESTORE],
]

describe.each(EVERY_WORK)('%s', (_name, work) => {
  test('R-005 ids and groups are those of the account', () => {
    const made = plan(specOf(work, { user: ALICE }))
    expect([made.uid, made.gid, made.groups]).toEqual([1001, 1001, [1001, 990]])
  })

  test('R-009 R-011 R-012 the product’s directories are masked after every exposure', () => {
    const made = plan(specOf(work))
    expect(targets(made, 'mask')).toEqual(
      expect.arrayContaining(['/var/lib/berth', '/etc/berth', '/tmp/berth-workspaces', '/var/lib/berth-agent', '/run/berth']),
    )
    const kinds = made.mounts.filter((mount) => mount.to.startsWith(MNT) || mount.kind === 'mask').map((mount) => mount.kind)
    expect(kinds).toEqual([...kinds].sort()) // bind before mask
  })

  test('R-016 R-021 TMPDIR and HOME are always set', () => {
    expect(env(plan(specOf(work)))).toMatchObject({ TMPDIR: '/opt/berth/mnt/tmp', HOME: '/var/lib/berth' })
  })

  test('R-062 root, root’s group and a supplementary root group are refused', () => {
    for (const user of [
      { ...ALICE, uid: 0 },
      { ...ALICE, gid: 0 },
      { ...ALICE, gids: [1001, 0] },
    ]) {
      expect(refusal(specOf(work, { user }))).toMatch(/^root:/)
    }
  })

  test('R-101 the supervisor comes first and the target’s words are unchanged', () => {
    const alone = plan(specOf(work)).args
    const supervisor = ['/usr/local/bin/sup', 'two words', '"quoted"']
    expect(plan(specOf(work, { supervisor })).args).toEqual([...supervisor, ...alone])
  })

  test('every path is absolute and normal, and no NUL reaches the encoding', () => {
    const made = plan(specOf(work))
    for (const mount of made.mounts) expect(isNormalPath(mount.to)).toBe(true)
    expect(encodePlan(made).toString().split('\0').length % 2).toBe(1)
  })

  test('no variable is given twice, and content cannot set the fixed ones', () => {
    const evil = Object.fromEntries(FIXED_NAMES.map((name) => [name, 'evil']))
    const made = plan(specOf(work, { env: evil }))
    const names = made.env.map(([name]) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of FIXED_NAMES) expect(env(made)[name]).not.toBe('evil')
  })
})

test('R-010 SQLite.Dir outside DataDir is masked, inside it the mask of DataDir does', () => {
  const dirs = factsOf().dirs
  const outside = plan(specOf(SHINY), factsOf({ dirs: { ...dirs, sqliteDir: '/srv/sqlite' } }))
  expect(targets(outside, 'mask')).toContain('/srv/sqlite')
  const inside = plan(specOf(SHINY), factsOf({ dirs: { ...dirs, sqliteDir: '/var/lib/berth/db' } }))
  expect(targets(inside, 'mask')).not.toContain('/var/lib/berth/db')
})

test('R-013 Python content sees Python environments and no R caches, R content the reverse', () => {
  const python = targets(plan(specOf(FLASK)), 'bind')
  const r = targets(plan(specOf(SHINY)), 'bind')
  expect(python).toContain(`${MNT}/python-environments`)
  expect(python).not.toContain(`${MNT}/R`)
  expect(r).toEqual(expect.arrayContaining([`${MNT}/R`, `${MNT}/packrat`]))
  expect(r).not.toContain(`${MNT}/python-environments`)
})

test('R-013 caches are read-only to content; only the staging directory is writable to an installation', () => {
  const access = (work: SandboxWork, to: string): unknown => {
    const mount = plan(specOf(work)).mounts.find((one) => one.to === to)
    return mount?.kind === 'bind' ? [mount.access, mount.from] : undefined
  }
  expect(access(FLASK, `${MNT}/python-environments`)).toEqual(['ro', '/var/lib/berth/python-environments'])
  expect(access(RESTORE, `${MNT}/python-environments`)).toEqual(['rw', (RESTORE as { stagingDir: string }).stagingDir])
})

test('R-015 no render directory is exposed to applications', () => {
  for (const [, work] of EVERY_WORK) expect(targets(plan(specOf(work)), 'bind')).not.toContain(`${MNT}/report`)
})

test('R-018 without HomeMounting /home is not touched', () => {
  const made = plan(specOf(SHINY, { user: ALICE }))
  expect(made.mounts.map((mount) => mount.to)).not.toContain('/home')
  expect(env(made)['HOME']).toBe('/home/alice')
})

test('R-019 R-022 with HomeMounting the account’s home covers /home and HOME says so', () => {
  const made = plan(specOf(SHINY, { user: ALICE, homeMounting: true }))
  expect(made.mounts).toContainEqual(expect.objectContaining({ kind: 'bind', from: '/home/alice', to: '/home', asUser: true }))
  expect(env(made)['HOME']).toBe('/home')
})

test.each([
  ['a home that does not exist', ALICE, false],
  ['a home in a masked directory', BERTH_USER, true],
  ['a home around a masked directory', { ...ALICE, home: '/var/lib' }, true],
  ['the root directory', { ...ALICE, home: '/' }, true],
])('R-020 with HomeMounting %s gives an empty /home', (_name, user, homeExists) => {
  const made = plan(specOf(SHINY, { user, homeMounting: true }), factsOf({ homeExists }))
  expect(targets(made, 'mask')).toContain('/home')
  expect(targets(made, 'bind')).not.toContain('/home')
})

test('R-024 the working directory of content is its directory', () => {
  expect(plan(specOf(SHINY)).workdir).toBe(`${MNT}/app`)
  expect(plan(specOf(FLASK)).workdir).toBe(`${MNT}/app`)
})

test('R-108 a supervisor or product below a masked or private directory is refused', () => {
  for (const place of ['/var/lib/berth/sup', '/tmp/sup', '/etc/berth/sup', '/run/user/sup']) {
    expect(refusal(specOf(SHINY, { supervisor: [place] }))).toMatch(/^bad_supervisor:/)
  }
  const dirs = { ...factsOf().dirs, installDir: '/tmp/berth' }
  expect(refusal(specOf(SHINY), factsOf({ dirs }))).toMatch(/^bad_path: .*\/tmp/)
})

test('R-102 a relative supervisor is refused', () => {
  expect(refusal(specOf(SHINY, { supervisor: ['nice'] }))).toMatch(/^bad_supervisor:/)
})

test('R-116 R_CONFIG_ACTIVE is set for R content and absent elsewhere', () => {
  expect(env(plan(specOf(SHINY, { rConfigActive: 'prod' })))['R_CONFIG_ACTIVE']).toBe('prod')
  for (const work of [FLASK, UNPACK, RESTORE]) expect(env(plan(specOf(work)))).not.toHaveProperty('R_CONFIG_ACTIVE')
})

test('a default of ours gives way to a variable and to a secret of the content', () => {
  expect(env(plan(specOf(FLASK, { env: { LANG: 'de_DE.UTF-8' } })))['LANG']).toBe('de_DE.UTF-8')
  expect(env(plan(specOf(FLASK, { hasSecretEnv: true, secretNames: ['LANG'] })))).not.toHaveProperty('LANG')
})

test('without PrivateTmp /tmp is the host’s', () => {
  expect(targets(plan(specOf(SHINY, { privateTmp: false })), 'bind')).not.toContain('/tmp')
})

test.each([
  ['no_interpreter', specOf(FLASK), factsOf({ pythonExecutable: null })],
  ['no_interpreter', specOf(SHINY), factsOf({ rExecutable: null })],
  ['no_content', specOf(SHINY, { content: null }), factsOf()],
  ['no_content', specOf(UNPACK), factsOf({ appDir: null })],
  ['bad_entrypoint', specOf({ ...FLASK, entrypoint: '--bind=0.0.0.0' } as SandboxWork), factsOf()],
  ['bad_entrypoint', specOf({ ...FLASK, entrypoint: '../x:app' } as SandboxWork), factsOf()],
  ['bad_value', specOf({ ...FLASK, environmentHash: '../../etc' } as SandboxWork), factsOf()],
  ['bad_value', specOf({ ...FLASK, pythonVersion: '3/../..' } as SandboxWork), factsOf()],
  ['bad_value', specOf(SHINY, { processId: '../x' }), factsOf()],
  ['bad_value', specOf(SHINY, { content: { guid: 'g', contentId: '../7', bundleId: '1' } }), factsOf()],
  ['bad_value', specOf(SHINY, { env: { 'A=B': 'c' } }), factsOf()],
  ['bad_value', specOf(SHINY, { env: { A: 'b\0c' } }), factsOf()],
  ['bad_value', specOf({ ...UNPACK, stripComponents: -1 } as SandboxWork), factsOf()],
  ['bad_path', specOf(SHINY), factsOf({ socketDir: '/run/berth/../x' })],
  ['bad_path', specOf(SHINY), factsOf({ appDir: 'relative' })],
  ['bad_path', specOf(SHINY), factsOf({ dirs: { ...factsOf().dirs, dataDir: '/opt/berth' } })],
])('refused with %s: case %#', (reason, spec, facts) => {
  expect(refusal(spec, facts)).toMatch(new RegExp(`^${reason}:`))
})
