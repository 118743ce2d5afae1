// What the launcher refuses to do, before it does anything.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodePlan } from '@berth/sandbox-plan/encode.js'
import { encodeGolden } from '@berth/sandbox-plan/golden-plan.js'
import type { SandboxPlan } from '@berth/sandbox-plan/plan.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  buildLauncher,
  LAUNCHERS,
  type LauncherBuild,
  LauncherScene,
  launch,
  readExitRecord,
  runToEnd,
} from './launcher-driver.js'

const GOLDEN = join(import.meta.dirname, '../../packages/sandbox-plan/golden')
const ACCOUNT = { uid: 65_534, gid: 65_534 }

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let binary: string
  let scene: LauncherScene
  beforeAll(() => {
    binary = buildLauncher(build)
    scene = new LauncherScene(ACCOUNT)
  })
  afterAll(() => scene.remove())

  const check = (plan: Buffer): { status: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(binary, ['--check'], { input: plan, env: {}, encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }
  const fields = (...pairs: string[]): Buffer => Buffer.from(pairs.map((part) => `${part}\0`).join(''))
  const valid = (): string[] =>
    encodePlan(scene.plan(['/bin/true']))
      .toString()
      .split('\0')
      .slice(0, -1)
  /** The valid plan with fields added at its end. */
  const plus = (...pairs: string[]): Buffer => fields(...valid(), ...pairs)
  /** The valid plan without a key, or with another value for it. */
  const changed = (key: string, value?: string): Buffer => {
    const words = valid()
    const at = words.findIndex((word, index) => index % 2 === 0 && word === key)
    words.splice(at, 2, ...(value === undefined ? [] : [key, value]))
    return fields(...words)
  }

  test('the golden plans pass --check, and it lists every mount and argument', () => {
    for (const name of readdirSync(GOLDEN).filter((file) => file.endsWith('.plan'))) {
      const text = readFileSync(join(GOLDEN, name), 'utf8')
      const { status, out, err } = check(encodeGolden(text))
      expect(err).toBe('')
      expect(status).toBe(0)
      const targets = text.split('\n').filter((line) => line.startsWith('to '))
      for (const target of targets) expect(out).toContain(` ${target.slice(3)}`)
      expect(out.split('\n').filter((line) => line.startsWith('arg '))).toEqual(
        text.split('\n').filter((line) => line.startsWith('arg ')),
      )
    }
  })

  test('--check shows names of variables and no values', () => {
    const { out } = check(plus('env', 'TOKEN=hush'))
    expect(out).toContain('env TOKEN\n')
    expect(out).not.toContain('hush')
  })

  test.each<[string, () => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /empty/],
    ['no final NUL', () => Buffer.from('version\x001'), /NUL/],
    ['a key without value', () => fields(...valid(), 'id'), /without value/],
    ['version not first', () => fields('id', 'x', 'version', '1'), /version comes first/],
    ['version twice', () => plus('version', '1'), /version comes first/],
    ['another version', () => fields('version', '2'), /unknown version/],
    ['an unknown key', () => plus('colour', 'blue'), /unknown key: colour/],
    ['an id twice', () => plus('id', 'x'), /given twice: id/],
    ['a uid twice', () => plus('uid', '5'), /given twice: uid/],
    ['uid 0', () => changed('uid', '0'), /id 0/],
    ['gid 0', () => changed('gid', '0'), /id 0/],
    ['group 0', () => plus('group', '0'), /id 0/],
    ['uid 4294967295, which means "leave it"', () => changed('uid', '4294967295'), /not an id/],
    ['a negative uid', () => changed('uid', '-1'), /not an id/],
    ['a uid beyond 32 bits', () => changed('uid', '4294967296'), /not an id/],
    ['no uid', () => changed('uid'), /missing: uid/],
    ['no id', () => changed('id'), /missing: id/],
    ['no run-dir', () => changed('run-dir'), /missing: run-dir/],
    ['no workdir', () => changed('workdir'), /missing: workdir/],
    ['no arg', () => changed('arg'), /missing: arg/],
    ['an id with a slash', () => changed('id', '../x'), /not an id/],
    ['a relative command', () => changed('arg', 'true'), /first arg/],
    ['a relative run-dir', () => changed('run-dir', 'runs'), /run-dir/],
    ['a run-dir with ..', () => changed('run-dir', '/var/../etc'), /run-dir/],
    ['a workdir below /proc (T3)', () => changed('workdir', '/proc/self/fd/7'), /not below \/proc/],
    ['a mount without kind', () => plus('mount', 'overlay', 'to', '/x'), /unknown kind/],
    ['a bind without ro or rw', () => plus('mount', 'bind nosuid', 'from', '/a', 'to', '/b'), /ro or rw/],
    ['a bind with both', () => plus('mount', 'bind ro,rw', 'from', '/a', 'to', '/b'), /ro or rw/],
    ['an unknown flag', () => plus('mount', 'bind rw,suid', 'from', '/a', 'to', '/b'), /unknown mount flag: suid/],
    ['a mount flag in the wrong place', () => plus('mount', 'mask rw', 'to', '/b'), /unknown mount flag/],
    ['a bind without from', () => plus('mount', 'bind rw', 'to', '/b'), /from before to/],
    ['a mask with from', () => plus('mount', 'mask', 'from', '/b'), /not a key of this mount/],
    ['a mount that does not end', () => plus('mount', 'bind rw', 'from', '/b'), /incomplete/],
    ['another key inside a mount', () => plus('mount', 'mask', 'id', 'x'), /not a key of this mount/],
    ['a mount on /', () => plus('mount', 'mask', 'to', '/'), /nothing is mounted on \//],
    ['a relative target', () => plus('mount', 'mask', 'to', 'x'), /absolute/],
    ['a target with //', () => plus('mount', 'mask', 'to', '/x//y'), /absolute/],
    ['a target with a final slash', () => plus('mount', 'mask', 'to', '/x/'), /absolute/],
    ['a tmpfs without size', () => plus('mount', 'tmpfs mode=700', 'to', '/x'), /size= and mode=/],
    ['from outside a mount', () => plus('from', '/x'), /unknown key: from/],
    ['a variable without =', () => plus('env', 'NAME'), /NAME=VALUE/],
    ['a variable without name', () => plus('env', '=x'), /NAME=VALUE/],
    ['a bad umask', () => plus('umask', '88'), /umask/],
    ['too small a log', () => plus('log-bytes-max', '1'), /log-bytes-max/],
    ['an unknown limit', () => plus('rlimit', 'sanity 1 2'), /unknown limit/],
    ['a soft limit above the hard one', () => plus('rlimit', 'core 2 1'), /soft and a hard/],
    ['a PAM service', () => plus('pam-service', 'su'), /not supported by this launcher: pam-service/],
    ['a seccomp filter', () => plus('seccomp', 'x'), /not supported by this launcher: seccomp/],
    ['Landlock', () => plus('landlock', 'x'), /not supported by this launcher: landlock/],
    ['more than 1 MiB', () => plus('env', `A=${'x'.repeat(1024 * 1024)}`), /too large/],
    [
      'too many groups',
      () => plus(...Array.from({ length: 1100 }, (_, at) => ['group', String(at + 1)]).flat()),
      /too many of: group/,
    ],
    [
      'too many mounts',
      () => plus(...Array.from({ length: 140 }, () => ['mount', 'mask', 'to', '/x']).flat()),
      /too many mounts/,
    ],
  ])('refuses %s', (_name, plan, message) => {
    const { status, err } = check(plan())
    expect(err).toMatch(message)
    expect(status).toBe(125)
  })

  test('a refused plan ends with 125 and an event, and leaves nothing', async () => {
    const plan = scene.plan(['/bin/true'])
    const running = launch({ binary, plan: plus('colour', 'blue'), runDir: plan.runDir })
    expect(await running.exitCode).toBe(125)
    expect(await running.event('exited')).toMatchObject({ reason: 'setup', step: 'plan', message: 'unknown key: colour' })
    expect(readdirSync(plan.runDir)).toEqual([])
  })

  const setupFailure = async (plan: SandboxPlan, step: string): Promise<void> => {
    const { code, exited } = await runToEnd(binary, plan)
    expect(exited).toMatchObject({ code: 125, reason: 'setup', step })
    expect(code).toBe(125)
    expect(readExitRecord(plan.runDir)).toMatchObject({ code: 125, reason: 'setup', step })
  }

  test('T4 a source that is a symbolic link, a pipe or a device is refused', async () => {
    const to = scene.directory('to', 0o755)
    const link = scene.path('link')
    if (!existsSync(link)) symlinkSync('/etc', link)
    const pipe = scene.path('pipe')
    if (!existsSync(pipe)) spawnSync('mkfifo', [pipe])
    for (const from of [link, `${link}/ssl`, pipe, '/dev/null', '/nonexistent']) {
      await setupFailure(scene.plan(['/bin/true'], { mounts: [{ kind: 'bind', access: 'rw', flags: [], from, to }] }), 'source')
    }
  })

  test('a target that is a symbolic link, missing or not root’s is refused', async () => {
    const link = scene.path('target-link')
    if (!existsSync(link)) symlinkSync('/etc', link)
    const own = scene.directory('own', 0o755, 'account')
    for (const to of [link, '/nonexistent', own]) {
      const mounts = [{ kind: 'bind', access: 'rw', flags: [], from: scene.data, to }] as const
      await setupFailure(scene.plan(['/bin/true'], { mounts }), 'target')
    }
  })

  test('standard input that is no regular file is refused', async () => {
    for (const stdin of ['/dev/zero', '/etc', '/nonexistent']) {
      await setupFailure(scene.plan(['/bin/true'], { stdin }), 'stdin')
    }
  })

  test('a cgroup path that is none is refused', async () => {
    await setupFailure(scene.plan(['/bin/true'], { cgroups: [scene.data] }), 'cgroup')
  })

  test('a working directory that the account cannot enter is refused', async () => {
    const workdir = scene.directory('closed', 0o700)
    await setupFailure(scene.plan(['/bin/true'], { workdir }), 'workdir')
  })

  test('a run directory that others may read, or of another owner, is refused', async () => {
    for (const [name, mode, owner] of [
      ['open', 0o755, 'root'],
      ['foreign', 0o700, 'account'],
    ] as const) {
      const plan = scene.plan(['/bin/true'], { runDir: scene.directory(name, mode, owner) })
      const running = launch({ binary, plan, runDir: plan.runDir })
      expect(await running.exitCode).toBe(125)
      expect(await running.event('exited')).toMatchObject({ step: 'run-dir' })
    }
  })

  test('an id is never started twice: neither beside a living monitor nor after one', async () => {
    const plan = scene.plan(['/bin/sh', '-c', 'read x || exec sleep 60'])
    const first = launch({ binary, plan, runDir: plan.runDir })
    await first.event('started')
    const second = launch({ binary, plan, runDir: plan.runDir })
    expect(await second.exitCode).toBe(125)
    expect(await second.event('exited')).toMatchObject({ step: 'lock' })
    first.child.kill('SIGTERM')
    expect(await first.exitCode).toBe(128 + 15)
    const third = launch({ binary, plan, runDir: plan.runDir })
    expect(await third.exitCode).toBe(125)
    expect(readExitRecord(plan.runDir)).toMatchObject({ code: 143, signal: 15 })
  })

  test('without root it refuses and says so', () => {
    const place = scene.path(`copy-${build}`)
    mkdirSync(scene.path('bin'), { recursive: true })
    writeFileSync(place, readFileSync(binary), { mode: 0o755 })
    const { status, stderr } = spawnSync(place, [], { uid: ACCOUNT.uid, gid: ACCOUNT.gid, env: {}, encoding: 'utf8' })
    expect(stderr).toMatch(/must be started by root/)
    expect(status).toBe(125)
  })
})
