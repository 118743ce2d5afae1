// Content that tries to get out, case by case (launcher threats T1 to T20).
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, copyFileSync, openSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import type { SandboxPlan } from '@berth/sandbox-plan/plan.js'
import { createTestAccounts, type TestAccounts } from '@berth/testing/test-accounts.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ContentScene } from './content-scene.js'
import { buildLauncher, LAUNCHERS, type LauncherBuild, readExitRecord, runToEnd } from './launcher-driver.js'

let accounts: TestAccounts
beforeAll(async () => {
  accounts = await createTestAccounts()
})
afterAll(() => accounts.remove())

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let binary: string
  let content: ContentScene
  beforeAll(() => {
    binary = buildLauncher(build)
    content = new ContentScene(binary, accounts.standard)
  })
  afterAll(() => content.remove())

  const ATTEMPT = `
def attempt(call):
    try: call(); return 'done'
    except OSError as error: return error.errno
`

  test('T1 /proc/1/exe can be neither read nor written, and the binary is unchanged', async () => {
    const digest = () => createHash('sha256').update(readFileSync(binary)).digest('hex')
    const before = digest()
    const seen = await content.ask(`${ATTEMPT}
print(json.dumps([attempt(lambda: open('/proc/1/exe', mode)) for mode in ('rb', 'r+b')] + [attempt(lambda: os.readlink('/proc/1/exe')),
  attempt(lambda: os.listdir('/proc/1/fd')), attempt(lambda: os.listdir('/proc/1/root')), attempt(lambda: open('/proc/1/mem')), attempt(lambda: open('/proc/1/environ').read())]))`)
    expect(seen).toEqual([13, 13, 13, 13, 13, 13, 13])
    expect(digest()).toBe(before)
  })

  test('T2 a directory on the way that its owner swaps for a symbolic link never leads a mount astray', async () => {
    const scene = content.scene
    const place = scene.directory('swapped', 0o755)
    const victim = scene.directory('victim', 0o755)
    writeFileSync(scene.path('victim/untouched'), '1')
    const target = scene.directory('swapped/target', 0o755)
    // A second process swaps the directory and a link to the victim as fast as it can.
    const code = `
import os
a, b, link = ${JSON.stringify([target, `${place}/aside`, `${place}/link`])}
os.symlink(${JSON.stringify(victim)}, link)
print('ready', flush=True)
import ctypes
libc = ctypes.CDLL(None)
while True: libc.renameat2(-100, a.encode(), -100, link.encode(), 2)`
    const swapper = spawn('/usr/bin/python3', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => swapper.stdout.once('data', resolve))
    try {
      let attached = 0
      let refused = 0
      for (let round = 0; round < 40; round++) {
        const mounts = [
          { kind: 'bind', access: 'rw', flags: [], from: scene.data, to: target } as const,
          { kind: 'tmpfs', flags: [], sizeBytes: 4096, mode: 0o700, to: target } as const,
        ]
        const plan = scene.plan(['/bin/ls', victim], { mounts })
        const { code: status, stdout, exited } = await runToEnd(binary, plan)
        if (status === 0) {
          attached += 1
          expect(stdout).toBe('untouched\n')
        } else {
          refused += 1
          expect(exited).toMatchObject({ code: 125, step: 'target' })
        }
      }
      expect(attached + refused).toBe(40)
      expect(refused).toBeGreaterThan(0)
    } finally {
      swapper.kill('SIGKILL')
      await new Promise((resolve) => swapper.once('close', resolve))
    }
  }, 60_000)

  test('T3 no descriptor that the launcher inherited reaches content', async () => {
    const stray = [openSync(content.scene.path('data'), 'r'), openSync('/', 'r')]
    const seen = await content.ask(
      `print(json.dumps(sorted(int(name) for name in os.listdir('/proc/self/fd'))))`,
      {},
      { strayDescriptors: stray },
    )
    for (const fd of stray) closeSync(fd)
    expect(seen).toEqual([0, 1, 2, 3]) // 3 is the listing itself
  })

  test('T6 a setuid-root program and file capabilities gain nothing', async () => {
    const program = content.scene.path('setuid-id')
    copyFileSync('/usr/bin/id', program)
    chmodSync(program, 0o4755)
    const seen = await content.ask(`
import subprocess
print(json.dumps([subprocess.run([${JSON.stringify(program)}, '-u'], capture_output=True, text=True).stdout.strip(),
  subprocess.run(['/bin/su', '-c', 'id -u'], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout]))`)
    expect(seen).toEqual([String(accounts.standard.uid), ''])
  })

  test('T8 no control group file can be written', async () => {
    const seen = await content.ask(`
found = []
for root, dirs, files in os.walk('/sys/fs/cgroup'):
    found += [root + '/' + name for name in files]
print(json.dumps([found, os.access('/sys/fs/cgroup', os.W_OK)]))`)
    expect(seen).toEqual([[], false])
  })

  test('T10 the masks cannot be taken off: umount, bind and remount fail, also in a user namespace of the content', async () => {
    const data = content.scene.path('data')
    const seen = await content.ask(`
import subprocess
def run(*words): return subprocess.run(words, capture_output=True).returncode
data = ${JSON.stringify(data)}
print(json.dumps([run('/bin/umount', data), run('/bin/umount', '/proc'), run('/bin/mount', '-o', 'remount,rw', data),
  run('/usr/bin/unshare', '-Urm', '/bin/umount', data), run('/usr/bin/unshare', '-Urm', '/bin/mount', '-o', 'remount,bind,rw', data),
  subprocess.run(['/usr/bin/unshare', '-Urm', '/bin/sh', '-c', 'mount --bind /var/lib /mnt && cat /mnt/' + data[9:] + '/secret.txt'], capture_output=True, text=True).stdout]))`)
    for (const status of seen.slice(0, 5)) expect(status).not.toBe(0)
    expect(seen[5]).toBe('')
  })

  test('T14 the setup is not dumpable: its descriptors cannot be listed by a neighbour of the account', async () => {
    const { uid, gid } = accounts.standard
    const code = `
import os, sys, time
end, reached = time.time() + 2, []
while time.time() < end:
    for name in os.listdir('/proc'):
        if not name.isdigit(): continue
        try:
            ours = lambda: open('/proc/%s/comm' % name).read().strip() in ('berth-init', 'berth-monitor')
            if ours():
                try: found = os.listdir('/proc/%s/fd' % name)
                except PermissionError: found = 0
                if ours(): reached.append(found) # else it has become the target meanwhile
        except OSError: pass
print(len(reached), [one for one in reached if one])`
    const spy = spawn('/usr/bin/python3', ['-c', code], { uid, gid, stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
    let seen = ''
    spy.stdout.on('data', (bytes: Buffer) => {
      seen += bytes.toString()
    })
    const closed = new Promise((resolve) => spy.once('close', resolve))
    while (spy.exitCode === null) await runToEnd(binary, content.scene.plan(['/bin/true']))
    await closed
    expect(seen).toMatch(/^[1-9]\d* \[\]\n$/)
  })

  test('T19 kill(-1), kill(1) and tracing 1 from inside change nothing about the exit code', async () => {
    const program = content.python(`
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, 1, 0, 0) == -1
for number in (15, 9, 19): os.kill(1, number)
if os.fork() == 0: signal.pause()
os.kill(-1, 9)
sys.exit(23)`)
    // kill(-1) spares the caller itself and process 1.
    expect(await content.start(program).exitCode).toBe(23)
    expect(readExitRecord(program.plan.runDir)).toMatchObject({ code: 23, reason: 'exited' })
  })

  describe('T20 a second way to a masked directory is refused with 125', () => {
    const withHostMount = async (
      source: string,
      kind: 'bind' | 'inner',
      check: (plan: SandboxPlan) => Promise<void>,
    ): Promise<void> => {
      const at = content.scene.directory(`alias-${kind}`, 0o755)
      execFileSync('mount', ['--bind', source, at])
      try {
        await check(content.scene.plan(['/bin/true']))
      } finally {
        execFileSync('umount', [at])
        rmdirSync(at)
      }
    }
    const refused = async (plan: SandboxPlan): Promise<void> => {
      const { exited } = await runToEnd(binary, plan)
      expect(exited).toMatchObject({
        code: 125,
        reason: 'setup',
        step: 'alias',
        message: expect.stringContaining(content.scene.data),
      })
    }

    test('a bind of the directory itself', () => withHostMount(content.scene.data, 'bind', refused))

    test('a bind of a directory inside it', async () => {
      content.scene.directory('data/inner', 0o755)
      await withHostMount(content.scene.path('data/inner'), 'inner', refused)
    })

    test('a bind of a directory around it', () => withHostMount(content.scene.root, 'bind', refused))

    test('an exposure of the plan that shows the masked directory itself', async () => {
      const to = content.scene.directory('exposed', 0o755)
      const plan = content.scene.plan(['/bin/true'])
      const bind = { kind: 'bind', access: 'ro', flags: [], from: content.scene.root, to } as const
      await refused({ ...plan, mounts: [bind, ...plan.mounts] })
    })

    test('an exposure strictly inside the masked directory is what plans are for', async () => {
      const from = content.scene.directory('data/shown', 0o755)
      const to = content.scene.directory('exposed', 0o755)
      const plan = content.scene.plan(['/bin/ls', to])
      const bind = { kind: 'bind', access: 'ro', flags: [], from, to } as const
      writeFileSync(`${from}/file`, '')
      const { code, stdout } = await runToEnd(binary, { ...plan, mounts: [bind, ...plan.mounts] })
      expect([code, stdout]).toEqual([0, 'file\n'])
    })

    test('a mount that another one covers is no way', async () => {
      const at = content.scene.directory('covered', 0o755)
      execFileSync('mount', ['--bind', content.scene.data, at])
      execFileSync('mount', ['-t', 'tmpfs', 'none', at])
      try {
        expect((await runToEnd(binary, content.scene.plan(['/bin/true']))).code).toBe(0)
      } finally {
        execFileSync('umount', [at])
        execFileSync('umount', [at])
      }
    })
  })

  test('read-only binds are read-only in every submount, and flags of the source stay', async () => {
    const from = content.scene.directory('tree', 0o755)
    const inner = content.scene.directory('tree/inner', 0o755)
    const to = content.scene.directory('tree-to', 0o755)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=777,noexec', 'none', inner])
    try {
      const plan = content.scene.plan(['/bin/sh', '-c', `touch ${to}/inner/x; grep ${to}/inner /proc/self/mountinfo`])
      const bind = { kind: 'bind', access: 'ro', flags: ['nosuid', 'nodev'], from, to } as const
      const { stdout, stderr } = await runToEnd(binary, { ...plan, mounts: [bind, ...plan.mounts] })
      expect(stderr).toMatch(/Read-only file system/)
      expect(stdout).toMatch(/ ro,nosuid,nodev,noexec/)
    } finally {
      execFileSync('umount', [inner])
    }
  })

  test('a file mask is an empty file that cannot be written', async () => {
    const secret = content.scene.path('secret-file')
    writeFileSync(secret, 'secret', { mode: 0o644 })
    const plan = content.scene.plan([
      '/bin/sh',
      '-c',
      `stat -c '%s %u %a' ${secret}; cat ${secret}; echo x > ${secret}; ls -A ${content.scene.data}`,
    ])
    const { stdout, stderr } = await runToEnd(binary, {
      ...plan,
      mounts: [plan.mounts[0]!, { kind: 'mask', to: secret }, ...plan.mounts.slice(1)],
    })
    expect(stdout).toBe('0 0 444\n')
    expect(stderr).toMatch(/Read-only file system|Permission denied/)
    expect(readFileSync(secret, 'utf8')).toBe('secret')
    unlinkSync(secret)
  })
})
