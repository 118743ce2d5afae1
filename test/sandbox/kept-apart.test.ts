// Two contents of one account, and another account of the host: neither reaches the other (launcher threats, matrix 3.2).
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAccounts, type TestAccounts } from '@berth/testing/test-accounts.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Content, ContentScene } from './content-scene.js'
import { buildLauncher, LAUNCHERS, type LauncherBuild, logSegments, type RunningLauncher, readLog } from './launcher-driver.js'

const VICTIM = `
import ctypes, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
os.environ['VICTIM'] = 'secret'
for place in (os.getcwd(), os.environ['TMPDIR'], '/tmp', '/var/tmp', '/dev/shm'):
    open(place + '/victim-file', 'w').write('secret')
server = socket.socket(socket.AF_UNIX)
server.bind('/opt/berth/mnt/run/s')
server.listen()
identifier = libc.shmget(4711, 4096, 0o1600)
libc.mq_open = getattr(libc, 'mq_open', None) or ctypes.CDLL('librt.so.1').mq_open
queue = libc.mq_open(b'/victim-queue', os.O_CREAT | os.O_RDWR, 0o600, None)
libc.syscall(248, b'user', b'victim-key', b'secret', 6, -3)
print('ready', flush=True)
time.sleep(600)`

let accounts: TestAccounts
beforeAll(async () => {
  accounts = await createTestAccounts()
})
afterAll(() => accounts.remove())

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let content: ContentScene
  let victim: Content
  let running: RunningLauncher
  let pid: number
  beforeAll(async () => {
    content = new ContentScene(buildLauncher(build), accounts.standard)
    victim = content.python(VICTIM, { content: '1' })
    running = content.start(victim)
    pid = (await running.event('started')).pid
    await waitFor('the victim', () => logSegments(victim.plan.runDir, 'stdout').length > 0)
  })
  afterAll(async () => {
    running.child.kill('SIGTERM')
    await running.exitCode
    content.remove()
  })

  test('a second content of the same account sees only its own processes', async () => {
    const seen = await content.ask("print(json.dumps([int(name) for name in os.listdir('/proc') if name.isdigit()]))", {
      content: '2',
    })
    expect(seen).toEqual([1, 2])
  })

  test('it cannot signal, trace or look into the victim by any number', async () => {
    const seen = await content.ask(
      `
import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
def attempt(call):
    try: return repr(call())
    except OSError as error: return error.errno
def ptrace(pid):
    ctypes.set_errno(0)
    return [libc.ptrace(16, pid, 0, 0), ctypes.get_errno()]
pid = ${pid}
print(json.dumps([attempt(lambda: os.kill(pid, 0)), attempt(lambda: open(f'/proc/{pid}/environ').read()), ptrace(pid),
  attempt(lambda: os.listdir(f'/proc/{pid}/root')), attempt(lambda: os.pidfd_open(pid))]))`,
      { content: '2' },
    )
    expect(seen).toEqual([3, 2, [-1, 3], 2, 3])
  })

  test('R-012 R-026 it sees no file of the victim: application, TMPDIR, /tmp, /var/tmp, /dev/shm', async () => {
    const physical = [victim.facts.appDir, victim.facts.workspace.tmp, victim.facts.workspace.privateTmp, victim.facts.processDir]
    const seen = await content.ask(
      `
places = ['/opt/berth/mnt/app', '/opt/berth/mnt/tmp', '/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue']
print(json.dumps([[os.listdir(place) for place in places if os.path.isdir(place)], [os.path.exists(path) for path in ${JSON.stringify(physical)}]]))`,
      { content: '2' },
    )
    for (const list of seen[0]) expect(list).toEqual([])
    expect(seen[1]).toEqual([false, false, false, false])
  })

  test('it cannot reach the victim’s socket: neither in its own place nor by the physical path', async () => {
    const paths = ['/opt/berth/mnt/run/s', join(victim.facts.socketDir, 's')]
    const seen = await content.ask(
      `
import socket
def attempt(path):
    try: socket.socket(socket.AF_UNIX).connect(path); return 'connected'
    except OSError as error: return error.errno
print(json.dumps([attempt(path) for path in ${JSON.stringify(paths)}]))`,
      { content: '2' },
    )
    expect(seen).toEqual([2, 2])
  })

  test('it has its own System V memory, message queues and session keyring', async () => {
    const seen = await content.ask(
      `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def attempt(call, *args):
    ctypes.set_errno(0)
    return [call(*args), ctypes.get_errno()]
mq_open = getattr(libc, 'mq_open', None) or ctypes.CDLL('librt.so.1', use_errno=True).mq_open
print(json.dumps([attempt(libc.shmget, 4711, 4096, 0o600), attempt(mq_open, b'/victim-queue', os.O_RDONLY),
  attempt(libc.syscall, 250, 10, -3, b'user', b'victim-key', 0)]))`,
      { content: '2' },
    )
    expect(seen[0]).toEqual([-1, 2])
    expect(seen[1]).toEqual([-1, 2])
    expect(seen[2][0]).toBe(-1) // ENOKEY, or ENOSYS where the kernel has no keyrings
  })

  test('another account of the host reaches neither files nor socket nor memory', () => {
    const { appDir, workspace, socketDir, processDir } = victim.facts
    const code = `
import json, os, socket
def attempt(call):
    try: call(); return 'reached'
    except OSError as error: return error.errno
def reach(path): socket.socket(socket.AF_UNIX).connect(path)
print(json.dumps([attempt(lambda: os.listdir(path)) for path in ${JSON.stringify([appDir, workspace.tmp, socketDir, processDir])}]
 + [attempt(lambda: reach(${JSON.stringify(join(socketDir, 's'))})), attempt(lambda: reach(${JSON.stringify(join(processDir, 'ctl'))})),
 attempt(lambda: open('/proc/${pid}/environ').read()), attempt(lambda: os.listdir('/proc/${pid}/root')), attempt(lambda: os.kill(${pid}, 0))]))`
    const { uid, gid } = accounts.outsider
    const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', code], { uid, gid, encoding: 'utf8', cwd: '/' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([13, 13, 13, 13, 13, 13, 13, 13, 1])
  })

  test('T11 the control socket is out of reach from inside, also its own', async () => {
    const own = content.python('', { content: '2' })
    const paths = [join(victim.plan.runDir, 'ctl'), join(own.plan.runDir, '..', 'p2', 'ctl')]
    const seen = await content.ask(`print(json.dumps([os.path.exists(path) for path in ${JSON.stringify(paths)}]))`, {
      content: '2',
    })
    expect(seen).toEqual([false, false])
  })

  test('T20 a host mount that comes later on a masked path does not lift the mask', async () => {
    const program = content.python(`
import os, sys, time
print(os.listdir(${JSON.stringify(content.scene.path('data'))}), flush=True)
while not os.path.exists('go'): time.sleep(0.02)
print(os.listdir(${JSON.stringify(content.scene.path('data'))}), flush=True)`)
    const late = content.start(program)
    await waitFor('first look', () => logSegments(program.plan.runDir, 'stdout').length > 0)
    expect(spawnSync('mount', ['-t', 'tmpfs', 'none', content.scene.path('data')]).status).toBe(0)
    try {
      writeFileSync(content.scene.path('data/late.txt'), 'x')
      spawnSync('nsenter', ['-t', String((await late.event('started')).pid), '-m', 'touch', '/opt/berth/mnt/app/go'])
      expect(await late.exitCode).toBe(0)
    } finally {
      spawnSync('umount', [content.scene.path('data')])
    }
    expect(readLog(program.plan.runDir, 'stdout')).toBe('[]\n[]\n')
  })
})
