import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { desiredDigest } from '@berth/protocol/desired-digest.js'
import { DesiredState } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AgentHost, ANSWERING } from './agent-host.js'

let host: AgentHost
beforeAll(async () => {
  host = await AgentHost.create()
  await host.startAgent()
})
afterAll(() => host.destroy())

test.each([
  ['R-062 root', () => 'root', 'root'],
  ['decision 15: an account of our services', () => host.accounts.member.name, 'reserved_user'],
  ['R-065 an account outside the shared group', () => host.accounts.outsider.name, 'not_in_group'],
  ['an account that is not there', () => 'nobody-of-this-name', 'unknown_user'],
  ['root by its number', () => '0', 'unknown_user'],
])('%s never runs, whatever the control plane says', async (_what, name, reason) => {
  const spec = host.serving(ANSWERING, { runAs: name() })
  host.sim.want([spec])
  const refused = await host.sim.waitForEvent(spec.processId, 'refused')
  expect(refused.reason).toBe(reason)
  expect(refused.message).toContain(name())
  expect(host.sim.find(spec.processId, 'started')).toBeUndefined()
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

test('R-067 a member by its primary group runs, and work of an unknown kind does not', async () => {
  const member = host.serving(ANSWERING, { runAs: host.accounts.primary.name }, host.accounts.primary)
  const unknown = host.spec({ content: member.content })
  host.sim.want([member, unknown])
  expect(await host.sim.waitForEvent(unknown.processId, 'refused')).toMatchObject({ reason: 'unsupported' })
  await host.sim.waitForEvent(member.processId, 'ready')
  expect(host.sim.find(member.processId, 'started')).toMatchObject({ uid: host.accounts.primary.uid })
  host.sim.want([])
  await host.sim.waitForEvent(member.processId, 'finalized')
})

test('an older generation, another set of the same one and a false digest are refused', async () => {
  const generation = host.sim.want([])
  await waitFor('the empty set', () => host.sim.answers.some((one) => one.generation === generation))
  const spec = host.serving(ANSWERING)
  const say = async (some: { generation: bigint; digest?: Buffer }) => {
    const count = host.sim.answers.length
    host.sim.sendRaw(DesiredState.fromPartial({ digest: desiredDigest([spec]), processes: [spec], ...some }))
    await waitFor('an answer', () => host.sim.answers.length > count)
    return host.sim.answers.at(-1)
  }
  expect(await say({ generation: generation - 1n })).toMatchObject({ accepted: false, reason: 'older_generation' })
  expect(await say({ generation })).toMatchObject({ accepted: false, reason: 'other_digest' })
  expect(await say({ generation: generation + 5n, digest: Buffer.alloc(32) })).toMatchObject({
    accepted: false,
    reason: 'wrong_digest',
  })
  expect(host.sim.eventsOf(spec.processId)).toEqual([])
  expect(existsSync(host.runDirOf(spec))).toBe(false)
})

test('R-027 a changed account takes the directory along with its data; links in it are not followed', async () => {
  const content = host.deploy(ANSWERING)
  const dir = host.appDir(content)
  const outside = join(host.dirs.base, 'outside')
  writeFileSync(outside, 'mine')
  writeFileSync(join(dir, 'data.txt'), 'kept')
  chownSync(join(dir, 'data.txt'), host.accounts.standard.uid, host.accounts.standard.gid)
  writeFileSync(join(dir, 'of-root'), 'not handed over')
  symlinkSync(outside, join(dir, 'link'))
  const { standard, primary } = host.accounts
  const serve = host.serving(ANSWERING).work
  const spec = host.spec({ content, work: serve, runAs: primary.name })
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  expect(statSync(dir).uid).toBe(primary.uid)
  expect(statSync(join(dir, 'data.txt')).uid).toBe(primary.uid)
  expect(readFileSync(join(dir, 'data.txt'), 'utf8')).toBe('kept')
  expect([statSync(outside).uid, statSync(join(dir, 'of-root')).uid]).toEqual([0, 0])
  const rival = host.spec({ content, work: serve, runAs: standard.name })
  host.sim.want([spec, rival])
  const exited = await host.sim.waitForEvent(rival.processId, 'exited')
  expect(exited).toMatchObject({
    reason: 'setup',
    failingStep: 'prepare-dirs',
    message: expect.stringContaining(`still runs as "${primary.name}"`),
  })
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

function archive(fill: (dir: string) => void): { sha256: string; bytes: bigint } {
  const dir = join(host.dirs.base, `bundle-${Math.random().toString(36).slice(2)}`)
  mkdirSync(dir)
  fill(dir)
  const file = `${dir}.tar.gz`
  execFileSync('tar', ['-czf', file, '-C', dir, '.'])
  const content = readFileSync(file)
  const sha256 = createHash('sha256').update(content).digest('hex')
  host.sim.archives.set(sha256, file)
  return { sha256, bytes: BigInt(content.length) }
}

const unpack = (bundle: { sha256: string; bytes: bigint }, contentId: bigint, seal: boolean) =>
  host.spec({
    content: { guid: crypto.randomUUID(), contentId, bundleId: 1n },
    work: { $case: 'unpack', value: { archiveSha256: bundle.sha256, archiveBytes: bundle.bytes, stripComponents: 0, seal } },
  })

test('a bundle is unpacked as the account and gets its name only when all of it is there', async () => {
  const bundle = archive((dir) => writeFileSync(join(dir, 'app.py'), 'x'))
  const spec = unpack(bundle, 501n, false)
  host.sim.want([spec])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 0, reason: 'exited' })
  const dir = join(host.dirs.dataDir, 'apps/501/1')
  expect([statSync(dir).uid, statSync(join(dir, 'app.py')).uid]).toEqual([host.accounts.standard.uid, host.accounts.standard.uid])
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(existsSync(join(host.dirs.stateDir, 'archives', `${spec.processId}.tar.gz`))).toBe(false)
})

test('a sealed tree is root’s and readable by the gateway', async () => {
  const bundle = archive((dir) => {
    mkdirSync(join(dir, 'sub'))
    writeFileSync(join(dir, 'sub/index.html'), 'x')
  })
  const spec = unpack(bundle, 502n, true)
  host.sim.want([spec])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 0 })
  const page = statSync(join(host.dirs.dataDir, 'apps/502/1/sub/index.html'))
  expect([page.uid, page.gid, page.mode & 0o777]).toEqual([0, host.accounts.outsider.gid, 0o640])
})

test('a tree with a link is not sealed, and nothing of it stays', async () => {
  const bundle = archive((dir) => symlinkSync('/etc/shadow', join(dir, 'index.html')))
  const spec = unpack(bundle, 503n, true)
  host.sim.want([spec])
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  expect(exited).toMatchObject({
    code: 125,
    reason: 'setup',
    failingStep: 'seal-output',
    message: expect.stringContaining('symbolic link'),
  })
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(existsSync(join(host.dirs.dataDir, 'apps/503/1'))).toBe(false)
  expect(existsSync(join(host.dirs.dataDir, `apps/503/1.tmp-${spec.processId}`))).toBe(false)
  expect(lstatSync('/etc/shadow').mode & 0o007).toBe(0)
})

test('an archive that is not what was announced is not unpacked', async () => {
  const bundle = archive((dir) => writeFileSync(join(dir, 'app.py'), 'x'))
  const other = archive((dir) => writeFileSync(join(dir, 'app.py'), 'something else entirely'))
  host.sim.archives.set(bundle.sha256, host.sim.archives.get(other.sha256) ?? '')
  const spec = unpack({ ...bundle, bytes: other.bytes }, 504n, false)
  host.sim.want([spec])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({
    failingStep: 'fetch-bundle',
    message: expect.stringContaining('SHA-256 differs'),
  })
  expect(existsSync(join(host.dirs.dataDir, 'apps/504/1'))).toBe(false)
})

const restore = (environmentHash: string) =>
  host.spec({
    work: {
      $case: 'restorePython',
      value: { pythonVersion: host.pythonVersion, environmentHash, requirements: 'flask==3.0.0\n' },
    },
  })

test('R-069 an environment is built in a staging directory and published under its hash, once', async () => {
  writeFileSync(
    join(host.dirs.installDir, 'share/python/restore_environment.py'),
    `import os, sys
where = sys.argv[1]
os.makedirs(where + '/bin')
os.symlink('/usr/bin/python3', where + '/bin/python')
open(where + '/requirements', 'w').write(sys.stdin.read())
try: open(os.path.dirname(where) + '/another', 'w')
except OSError: print('only the leaf is ours')
`,
  )
  const final = join(host.dirs.dataDir, 'python-environments/pip', host.pythonVersion, 'abcdef0123')
  const specs = [restore('abcdef0123'), restore('abcdef0123')]
  host.sim.want(specs)
  for (const spec of specs) {
    expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 0, reason: 'exited', message: '' })
    await host.sim.waitForEvent(spec.processId, 'finalized')
    expect(host.sim.logOf(spec.processId, 'stdout').text).toBe('only the leaf is ours\n')
  }
  expect(readFileSync(join(final, 'requirements'), 'utf8')).toBe('flask==3.0.0\n')
  expect(readdirSync(join(host.dirs.dataDir, 'python-environments/.staging'))).toEqual([])
})

test('an environment that is none is not published', async () => {
  writeFileSync(join(host.dirs.installDir, 'share/python/restore_environment.py'), 'print("did nothing")\n')
  const spec = restore('abcdef9999')
  host.sim.want([spec])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 125, failingStep: 'publish-environment' })
  expect(existsSync(join(host.dirs.dataDir, 'python-environments/pip', host.pythonVersion, 'abcdef9999'))).toBe(false)
})
