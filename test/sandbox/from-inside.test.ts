// What content sees: account, view, environment, as planSandbox plans it and the launcher builds it.
import { chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MNT_DIRECTORIES } from '@berth/sandbox-plan/sandbox-paths.js'
import { createTestAccounts, type TestAccounts } from '@berth/testing/test-accounts.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ContentScene } from './content-scene.js'
import { buildLauncher, LAUNCHERS, type LauncherBuild, logSegments, readLog } from './launcher-driver.js'

let accounts: TestAccounts
beforeAll(async () => {
  accounts = await createTestAccounts()
})
afterAll(() => accounts.remove())

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let content: ContentScene
  beforeAll(() => {
    content = new ContentScene(buildLauncher(build), accounts.standard)
  })
  afterAll(() => content.remove())
  const account = () => accounts.standard

  test('R-005 real, effective and saved ids are the account’s, and no capability is left', async () => {
    const seen = await content.ask(`
status = dict(line.split(':\\t') for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
print(json.dumps({'uids': os.getresuid(), 'gids': os.getresgid(), 'groups': sorted(os.getgroups()),
  'caps': [status[name] for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')], 'nnp': status['NoNewPrivs'],
  'fs': status['Uid'].split('\\t')[3]}))`)
    const { uid, gid } = account()
    expect(seen).toEqual({
      uids: [uid, uid, uid],
      gids: [gid, gid, gid],
      groups: [gid],
      caps: Array(5).fill('0000000000000000'),
      nnp: '1',
      fs: String(uid),
    })
  })

  test('R-005 supplementary groups are those of the plan and no others', async () => {
    const { uid, gid } = accounts.member
    const spec = { user: { name: 'x', uid, gid, gids: [gid, accounts.gid], home: '/nonexistent', shell: '/bin/sh' } }
    const seen = await content.ask('print(json.dumps([sorted(os.getgroups()), os.getgid()]))', { account: accounts.member, spec })
    expect(seen).toEqual([[gid, accounts.gid].sort((a, b) => a - b), gid])
  })

  test('R-006 the target cannot mount, nor become root again', async () => {
    const seen = await content.ask(`
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def attempt(call, *args):
    return [call(*args), ctypes.get_errno()]
print(json.dumps([attempt(libc.mount, b'none', b'/tmp', b'tmpfs', 0, None), attempt(libc.umount2, b'/tmp', 2),
  attempt(libc.setuid, 0), attempt(libc.setgid, 0), attempt(libc.setgroups, 0, None)]))`)
    for (const [result, errno] of seen) expect([result, errno]).toEqual([-1, 1])
  })

  test('R-007 mounts of a process are invisible to the host', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8')
    const program = content.python(
      'import time; print(len(open("/proc/self/mountinfo").readlines()), flush=True); time.sleep(60)',
    )
    const running = content.start(program)
    await waitFor('output', () => logSegments(program.plan.runDir, 'stdout').length > 0)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
    expect(Number(readLog(program.plan.runDir, 'stdout'))).toBeGreaterThan(before.split('\n').length + 8)
    running.child.kill('SIGTERM')
    await running.exitCode
  })

  test('R-009 R-011 R-012 R-098 masked directories are empty, read-only and root’s; nothing in them opens', async () => {
    const { dirs } = content.python('').facts
    const masked = [dirs.dataDir, dirs.stateDir, dirs.runDir, dirs.configDirs[0], join(dirs.tempDir, 'berth-workspaces')]
    const inside = [
      join(dirs.dataDir, 'secret.txt'),
      join(dirs.configDirs[0] ?? '', 'berth.gcfg'),
      join(dirs.dataDir, 'apps/1/1'),
    ]
    const seen = await content.ask(`
masked, inside = ${JSON.stringify(masked)}, ${JSON.stringify(inside)}
def attempt(call):
    try: return call()
    except OSError as error: return error.errno
print(json.dumps({'lists': [os.listdir(path) for path in masked], 'stats': [[os.stat(path).st_uid, os.stat(path).st_mode & 0o7777] for path in masked],
  'opens': [attempt(lambda: open(path).read()) for path in inside],
  'writes': [attempt(lambda: open(path + '/x', 'w')) for path in masked]}))`)
    expect(seen.lists).toEqual(masked.map(() => []))
    expect(seen.stats).toEqual(masked.map(() => [0, 0o555]))
    expect(seen.opens).toEqual(inside.map(() => 2))
    expect(seen.writes).toEqual(masked.map(() => 30)) // read-only file system
  })

  test('R-014 R-017 R-023 R-024 R-094 the code is at MNT/app, writable, and the working directory', async () => {
    const program = content.python(
      'import os; print(os.getcwd(), open("app.py").read(), os.listdir("/opt/berth/mnt/app")); open("made.txt", "w").write("1")',
    )
    writeFileSync(join(program.facts.appDir ?? '', 'app.py'), 'code', { mode: 0o644 })
    expect(await content.start(program).exitCode).toBe(0)
    expect(readLog(program.plan.runDir, 'stdout')).toBe("/opt/berth/mnt/app code ['app.py']\n")
    const { uid, mode } = statSync(join(program.facts.appDir ?? '', 'made.txt'))
    expect([uid, mode & 0o777]).toEqual([account().uid, 0o600])
    rmSync(join(program.facts.appDir ?? '', 'made.txt'))
  })

  test('R-015 MNT/report and the R caches are empty for a Python application', async () => {
    const seen = await content.ask(
      "print(json.dumps([os.listdir('/opt/berth/mnt/' + name) for name in ('report', 'R', 'packrat')]))",
    )
    expect(seen).toEqual([[], [], []])
  })

  test('R-016 R-048 TMPDIR is the process’s own and on the host below TempDir/berth-workspaces', async () => {
    const program = content.python('import tempfile, os; open(os.environ["TMPDIR"] + "/mine", "w"); print(tempfile.gettempdir())')
    expect(await content.start(program).exitCode).toBe(0)
    expect(readLog(program.plan.runDir, 'stdout')).toBe('/opt/berth/mnt/tmp\n')
    expect(existsSync(join(program.facts.workspace.tmp, 'mine'))).toBe(true)
    expect(program.facts.workspace.tmp).toContain('/berth-workspaces/')
  })

  test('R-018 R-021 without HomeMounting /home is the host’s and HOME is set', async () => {
    const seen = await content.ask("print(json.dumps([sorted(os.listdir('/home')), os.environ['HOME']]))")
    expect(seen).toEqual([readdirSync('/home').sort(), `/nonexistent/${account().name}`])
  })

  test('R-019 R-022 with HomeMounting the account’s home covers /home', async () => {
    const home = content.scene.directory('homes/own', 0o700)
    chownSync(home, account().uid, account().gid)
    writeFileSync(join(home, 'profile'), 'mine', { mode: 0o644 })
    const { name, uid, gid } = account()
    const program = content.python(
      'import os; print(os.environ["HOME"], open("/home/profile").read(), os.listdir("/home")); open("/home/new", "w")',
      {
        spec: { homeMounting: true, user: { name, uid, gid, gids: [gid], home, shell: '/bin/sh' } },
      },
    )
    // Facts say that the home exists: the plan is made again with them.
    const mounts = program.plan.mounts.map((mount) =>
      mount.to === '/home'
        ? ({ kind: 'bind', access: 'rw', flags: ['nosuid', 'nodev'], from: home, to: '/home', asUser: true } as const)
        : mount,
    )
    expect(await content.start({ ...program, plan: { ...program.plan, mounts } }).exitCode).toBe(0)
    expect(readLog(program.plan.runDir, 'stdout')).toBe("/home mine ['profile']\n")
    expect(statSync(join(home, 'new')).uid).toBe(uid)
  })

  test('R-019 a home that only its owner may enter is opened with the account’s rights, another’s is not', async () => {
    const shut = content.scene.directory('homes/shut', 0o700) // root’s: the account may not pass
    const inner = content.scene.directory('homes/shut/inner', 0o700)
    chownSync(inner, account().uid, account().gid)
    expect(shut).toBe(content.scene.path('homes/shut'))
    const program = content.python('print(1)')
    const mounts = [
      { kind: 'bind', access: 'rw', flags: [], from: inner, to: '/home', asUser: true } as const,
      ...program.plan.mounts,
    ]
    const running = content.start({ ...program, plan: { ...program.plan, mounts } })
    expect(await running.exitCode).toBe(125)
    expect(await running.event('exited')).toMatchObject({ step: 'source', errno: 13 })
  })

  test('R-020 with HomeMounting and no home /home is empty', async () => {
    const seen = await content.ask(
      "print(json.dumps([os.listdir('/home'), os.environ['HOME'], os.path.isdir(os.environ['HOME'])]))",
      {
        spec: { homeMounting: true },
      },
    )
    expect(seen).toEqual([[], '/home', true])
  })

  test('R-025 R-026 R-027 data in the directory is seen by the same content later and by no other', async () => {
    await content.ask("open('kept', 'w').write('1'); print(1)", { content: '21' })
    expect(await content.ask("print(json.dumps(os.listdir('.')))", { content: '21' })).toEqual(['kept'])
    expect(await content.ask("print(json.dumps(os.listdir('.')))", { content: '22' })).toEqual([])
  })

  test('R-028 another bundle’s directory holds only what was deployed', async () => {
    const next = content.python('import os; print(os.listdir("."))', { content: '21' })
    const dir = content.scene.directory('data/apps/21/2', 0o700)
    chownSync(dir, account().uid, account().gid)
    const mounts = next.plan.mounts.map((mount) =>
      mount.kind === 'bind' && mount.to.endsWith('/app') ? { ...mount, from: dir } : mount,
    )
    expect(await content.start({ ...next, plan: { ...next.plan, mounts } }).exitCode).toBe(0)
    expect(readLog(next.plan.runDir, 'stdout')).toBe('[]\n')
  })

  test('R-098 outside every sandbox the tree below MNT is empty directories', () => {
    for (const name of MNT_DIRECTORIES) expect(readdirSync(join('/opt/berth/mnt', name))).toEqual([])
  })

  test('T17 the environment is the plan’s and nothing of ours', async () => {
    const seen = await content.ask('print(json.dumps(dict(os.environ)))', { spec: { env: { CONNECT_SERVER: 'http://x/' } } })
    delete seen.LC_CTYPE
    expect(seen).toEqual({
      HOME: `/nonexistent/${account().name}`,
      TMPDIR: '/opt/berth/mnt/tmp',
      USER: account().name,
      LOGNAME: account().name,
      SHELL: '/bin/sh',
      PATH: '/usr/bin:/usr/local/bin:/bin',
      RSTUDIO_PRODUCT: 'CONNECT',
      POSIT_PRODUCT: 'CONNECT',
      RSTUDIO_CONNECT_HASTE: '1',
      CONNECT_SERVER: 'http://x/',
      LANG: 'C.UTF-8',
      PYTHONUNBUFFERED: '1',
      MPLBACKEND: 'Agg',
    })
  })

  test('/tmp, /var/tmp and /dev/shm are private, writable and leave nothing on the host', async () => {
    const name = `berth-probe-${process.pid}-${build}`
    const seen = await content.ask(`
places = ['/tmp', '/var/tmp', '/dev/shm']
before = [os.listdir(place) for place in places]
for place in places: open(place + '/${name}', 'w').write('x')
print(json.dumps(before))`)
    expect(seen).toEqual([[], [], []])
    for (const place of ['/tmp', '/var/tmp', '/dev/shm']) expect(existsSync(join(place, name))).toBe(false)
  })

  test('every mount but the host’s root view is nosuid, and so is that', async () => {
    const seen = await content.ask("print(json.dumps([line.split()[5] for line in open('/proc/self/mountinfo')]))")
    for (const options of seen) expect(options.split(',')).toContain('nosuid')
  })
})

test('the file system of the launcher’s own binary cannot be written by content, and it has no setuid bit (T13)', () => {
  for (const build of Object.keys(LAUNCHERS) as LauncherBuild[]) {
    const { uid, mode } = statSync(LAUNCHERS[build])
    expect([uid, mode & 0o7022]).toEqual([0, 0])
  }
})
