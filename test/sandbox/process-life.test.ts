// From start to exit record: codes, output, signals, control socket, and the monitor without whoever started it.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { encodePlan } from '@berth/sandbox-plan/encode.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  buildLauncher,
  ControlConnection,
  LAUNCHERS,
  type LauncherBuild,
  LauncherScene,
  launch,
  logSegments,
  readExitRecord,
  readLog,
  runToEnd,
} from './launcher-driver.js'

const ACCOUNT = { uid: 65_534, gid: 65_534 }
const SEGMENT_BYTES = 512 * 1024

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let binary: string
  let scene: LauncherScene
  beforeAll(() => {
    binary = buildLauncher(build)
    scene = new LauncherScene(ACCOUNT)
  })
  afterAll(() => scene.remove())

  const sh = (script: string): string[] => ['/bin/sh', '-c', script]
  const alive = (pid: number): boolean => {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    return stat !== '' && !/\) [ZX] /.test(stat)
  }

  test.each([0, 1, 3, 70, 125, 126, 127, 255])('R-104 exit code %i of the target is the monitor’s', async (code) => {
    const plan = scene.plan(sh(`exit ${code}`))
    expect(await runToEnd(binary, plan)).toMatchObject({ code, exited: { code, signal: 0, reason: 'exited' } })
    expect(readExitRecord(plan.runDir)).toMatchObject({ event: 'exited', code, signal: 0, reason: 'exited' })
  })

  test.each([
    ['TERM', 15],
    ['KILL', 9],
    ['SEGV', 11],
    ['INT', 2],
  ])('R-104 an end by SIG%s is 128 + %i and says the signal', async (name, signal) => {
    const { code, exited } = await runToEnd(binary, scene.plan(sh(`kill -${name} $$`)))
    expect(code).toBe(128 + signal)
    expect(exited).toMatchObject({ code: 128 + signal, signal, reason: 'signal' })
  })

  test('127 for a target that is not there, 126 for one that cannot be executed', async () => {
    const plain = scene.path('plain')
    writeFileSync(plain, 'no program', { mode: 0o644 })
    chmodSync(plain, 0o644)
    for (const [target, code] of [
      ['/nonexistent', 127],
      ['/etc/passwd/x', 127],
      [plain, 126],
      ['/etc', 126],
    ] as const) {
      const { code: status, exited } = await runToEnd(binary, scene.plan([target]))
      expect(status).toBe(code)
      expect(exited).toMatchObject({ reason: 'exec', step: 'exec', code, message: expect.stringContaining(target) })
    }
  })

  test('events come in order and name the processes as the host sees them', async () => {
    const plan = scene.plan(sh('read x || exec sleep 60'))
    const running = launch({ binary, plan, runDir: plan.runDir })
    const started = await running.event('started')
    expect(readFileSync(`/proc/${started.pid}/cmdline`, 'utf8')).toMatch(/sleep|sh/)
    const ticks = Number(readFileSync(`/proc/${started.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19])
    expect(started.start_time).toBe(ticks)
    expect(started.monitor).toBe(running.child.pid)
    const record = JSON.parse(readFileSync(join(plan.runDir, 'run.json'), 'utf8'))
    expect(record).toMatchObject({
      version: 1,
      pid: started.pid,
      init: started.init,
      monitor: started.monitor,
      start_time: ticks,
    })
    expect(record.boot_id).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
    running.child.kill('SIGTERM')
    expect(await running.exitCode).toBe(143)
    expect(running.events.map((event) => event.event)).toEqual(['mounted', 'started', 'exited', 'closed'])
    for (const pid of [started.pid, started.init, started.monitor]) expect(alive(pid)).toBe(false)
  })

  test('R-105 stdin, stdout and stderr are bytes, untouched and apart', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff))
    const stdin = scene.path('input')
    writeFileSync(stdin, bytes, { mode: 0o600 }) // root's alone: opened before the account is taken
    const plan = scene.plan(sh('cat; printf "to stderr\\n" >&2; printf "" > /dev/stdout'), { stdin })
    expect((await runToEnd(binary, plan)).code).toBe(0)
    const stdout = Buffer.concat(logSegments(plan.runDir, 'stdout').map((file) => readFileSync(join(plan.runDir, file))))
    expect(stdout.equals(bytes)).toBe(true)
    expect(readLog(plan.runDir, 'stderr')).toBe('to stderr\n')
    expect(readExitRecord(plan.runDir)).toMatchObject({ stdout_bytes: 70_000, stderr_bytes: 10 })
  })

  test('arguments and variables arrive as they are', async () => {
    const words = ['', 'two words', '"quoted"', "it's", '$HOME', '*', '\n', 'ü']
    const code = 'import sys,os,json; print(json.dumps([sys.argv[1:], dict(os.environ)]))'
    const env = [
      ['A', 'b=c'],
      ['EMPTY', ''],
    ] as const
    const { stdout } = await runToEnd(binary, scene.plan(['/usr/bin/python3', '-c', code, ...words], { env }))
    const [args, seen] = JSON.parse(stdout)
    expect(args).toEqual(words)
    expect(seen).toEqual({ A: 'b=c', EMPTY: '', LC_CTYPE: 'C.UTF-8' }) // the last is Python's own (PEP 538)
  })

  test('T17 secrets reach the target and nothing else: not the run directory, not the monitor’s memory of variables', async () => {
    const plan = scene.plan(
      ['/usr/bin/python3', '-c', 'import os,time; print(os.environ["TOKEN"][::-1], os.environ["A"], flush=True); time.sleep(60)'],
      {
        env: [['A', 'plan']],
        secretEnv: true,
      },
    )
    const running = launch({ binary, plan, runDir: plan.runDir, secretEnv: { TOKEN: 'hush-4711', A: 'secret' } })
    const { monitor, init } = await running.event('started')
    await waitFor('output', () => logSegments(plan.runDir, 'stdout').length > 0 && readLog(plan.runDir, 'stdout') !== '')
    expect(readLog(plan.runDir, 'stdout')).toBe('1174-hsuh plan\n')
    expect(spawnSync('grep', ['-r', 'hush-4711', plan.runDir], { encoding: 'utf8' }).stdout).toBe('')
    if (build === 'hardened')
      for (const pid of [monitor, init]) expect(memoryHolds(pid, 'hush-4711'), `memory of ${pid}`).toBe(false)
    running.child.kill('SIGTERM')
    await running.exitCode
  })

  test('a full segment is followed by the next, named by its offset', async () => {
    const plan = scene.plan(sh(`head -c ${SEGMENT_BYTES * 2 + 5} /dev/zero | tr '\\0' x`))
    await runToEnd(binary, plan)
    expect(logSegments(plan.runDir, 'stdout')).toEqual(
      [0, 1, 2].map((at) => `stdout.${String(at * SEGMENT_BYTES).padStart(20, '0')}`),
    )
    expect(readLog(plan.runDir, 'stdout')).toHaveLength(SEGMENT_BYTES * 2 + 5)
  })

  test('T18 beyond log-bytes-max the oldest segments go, with a gap record, and the content never waits', async () => {
    const code = `
import hashlib, sys
digest = hashlib.sha256()
for block in range(256):
    bytes = (b'%07d\\n' % block) * 4096
    sys.stdout.buffer.write(bytes)
    digest.update(bytes) if block >= 252 else None
sys.stderr.write(digest.hexdigest())`
    const plan = scene.plan(['/usr/bin/python3', '-c', code], { logBytesMax: 4 * SEGMENT_BYTES })
    const { code: status, stderr } = await runToEnd(binary, plan)
    expect(status).toBe(0)
    const total = 256 * 32 * 1024
    expect(readExitRecord(plan.runDir).stdout_bytes).toBe(total)
    const segments = logSegments(plan.runDir, 'stdout')
    expect(segments).toHaveLength(4)
    const [from, to] = readFileSync(join(plan.runDir, 'gaps.stdout'), 'utf8').trim().split(' ').map(Number)
    expect([from, to]).toEqual([0, total - 4 * SEGMENT_BYTES])
    const kept = readLog(plan.runDir, 'stdout')
    expect(kept).toHaveLength(total - (to ?? 0))
    expect(
      createHash('sha256')
        .update(kept.slice(-4 * 32 * 1024))
        .digest('hex'),
    ).toBe(stderr)
  })

  test('a segment that was read and removed before is no gap', async () => {
    const plan = scene.plan(sh(`head -c ${SEGMENT_BYTES * 2} /dev/zero; read x || sleep 60`), { logBytesMax: 2 * SEGMENT_BYTES })
    const running = launch({ binary, plan, runDir: plan.runDir })
    await waitFor(
      'two segments',
      () => logSegments(plan.runDir, 'stdout').length === 2 && readLog(plan.runDir, 'stdout').length === SEGMENT_BYTES * 2,
    )
    unlinkSync(join(plan.runDir, `stdout.${'0'.repeat(20)}`))
    await using control = await ControlConnection.open(plan.runDir)
    expect(await control.ask('kill')).toBe('ok')
    await running.exitCode
    expect(existsSync(join(plan.runDir, 'gaps.stdout'))).toBe(false)
  })

  test('the control socket answers ping, signals the target, and rings when output comes', async () => {
    const script = 'trap "echo caught; exit 5" USR1; echo ready; while :; do sleep 0.05; done'
    const plan = scene.plan(sh(script))
    const running = launch({ binary, plan, runDir: plan.runDir })
    const { pid } = await running.event('started')
    await using control = await ControlConnection.open(plan.runDir)
    expect(await control.ask('ping')).toBe(`pong 1 ${pid}`)
    await using listener = await ControlConnection.open(plan.runDir)
    listener.send('subscribe')
    await waitFor('first ring', () => listener.lines.includes('log'))
    await waitFor(
      'ready',
      () => logSegments(plan.runDir, 'stdout').length > 0 && readLog(plan.runDir, 'stdout').includes('ready'),
    )
    expect(await control.ask('nonsense')).toMatch(/^error/)
    expect(await control.ask('signal 0')).toMatch(/^error/)
    expect(await control.ask('signal 10')).toBe('ok')
    expect(await running.exitCode).toBe(5)
    await waitFor('farewell', () => listener.lines.at(-1) === 'exited')
    expect(readLog(plan.runDir, 'stdout')).toBe('ready\ncaught\n')
    expect(existsSync(join(plan.runDir, 'ctl'))).toBe(false)
  })

  test('signals go to the target’s process group, and the monitor forwards those it gets', async () => {
    const plan = scene.plan(
      sh('trap "echo parent" TERM; sh -c \'trap "echo child; exit" TERM; while :; do sleep 0.05; done\' & wait; wait; echo end'),
    )
    const running = launch({ binary, plan, runDir: plan.runDir })
    await running.event('started')
    await waitFor('children', () => spawnSync('pgrep', ['-P', String(pidOf(running))], { encoding: 'utf8' }).stdout !== '')
    // The shell has to have set its traps; asking again is harmless, they only print.
    await waitFor('both traps', () => {
      running.child.kill('SIGTERM')
      const log = logSegments(plan.runDir, 'stdout').length > 0 ? readLog(plan.runDir, 'stdout') : ''
      return log.includes('child') && log.includes('parent')
    })
    await running.exitCode
  })

  test('kill ends a tree that ignores every signal and has left its session', async () => {
    const code = `
import os, signal, time
for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(600)
        time.sleep(600)
print('ready', flush=True)
time.sleep(600)`
    const plan = scene.plan(['/usr/bin/python3', '-c', code])
    const running = launch({ binary, plan, runDir: plan.runDir })
    const { init } = await running.event('started')
    await waitFor('ready', () => logSegments(plan.runDir, 'stdout').length > 0)
    await using control = await ControlConnection.open(plan.runDir)
    expect(await control.ask('kill')).toBe('ok')
    expect(await running.exitCode).toBe(137)
    expect(readExitRecord(plan.runDir)).toMatchObject({ code: 137, signal: 9, reason: 'signal' })
    expect(alive(init)).toBe(false)
  })

  test('processes that the target leaves behind end with it', async () => {
    const plan = scene.plan(sh('setsid sleep 600 & setsid sh -c "trap : TERM INT HUP; sleep 600" & echo $!; exit 4'))
    const begin = Date.now()
    expect((await runToEnd(binary, plan)).code).toBe(4)
    expect(Date.now() - begin).toBeLessThan(10_000)
  })

  test('the monitor outlives SIGKILL of its starter, its terminal’s SIGHUP, and records the exit', async () => {
    const plan = scene.plan(sh('echo one; while [ ! -e "$0" ]; do sleep 0.05; done; echo two; exit 37'), {
      args: ['/bin/sh', '-c', `echo one; while [ ! -e ${scene.path('go')} ]; do sleep 0.05; done; echo two; exit 37`],
    })
    const planFile = scene.path('plan-bytes')
    writeFileSync(planFile, encodePlan(plan))
    // A shell stands for the agent: it starts the launcher and is killed.
    const starter = spawn('/bin/sh', ['-c', `${binary} 3<${planFile} 4>${scene.path('events')} & wait`], {
      stdio: 'ignore',
      detached: true,
    })
    await waitFor('run.json', () => existsSync(join(plan.runDir, 'run.json')))
    await waitFor('output', () => logSegments(plan.runDir, 'stdout').length > 0)
    const { monitor, pid } = JSON.parse(readFileSync(join(plan.runDir, 'run.json'), 'utf8'))
    starter.kill('SIGKILL')
    await new Promise((resolve) => starter.once('close', resolve))
    process.kill(monitor, 'SIGHUP')
    process.kill(monitor, 'SIGPIPE')
    await using control = await ControlConnection.open(plan.runDir) // a later agent
    expect(await control.ask('ping')).toBe(`pong 1 ${pid}`)
    writeFileSync(scene.path('go'), '')
    await waitFor('exit record', () => existsSync(join(plan.runDir, 'status')))
    expect(readExitRecord(plan.runDir)).toMatchObject({ code: 37, reason: 'exited', stdout_bytes: 8 })
    expect(readLog(plan.runDir, 'stdout')).toBe('one\ntwo\n')
    unlinkSync(scene.path('go'))
  })

  test('a killed monitor takes the content with it', async () => {
    const plan = scene.plan(sh('trap "" TERM INT HUP; while :; do sleep 0.1; done'))
    const running = launch({ binary, plan, runDir: plan.runDir })
    const { pid, init } = await running.event('started')
    running.child.kill('SIGKILL')
    await running.exitCode
    await waitFor('init and target to end', () => !alive(init) && !alive(pid))
    expect(existsSync(join(plan.runDir, 'status'))).toBe(false)
  })

  test('nothing is written to a broken event descriptor’s reader, and a client that never reads delays nobody', async () => {
    const plan = scene.plan(sh('i=0; while [ $i -lt 300 ]; do echo line; i=$((i+1)); done; exit 6'))
    const running = launch({ binary, plan, runDir: plan.runDir })
    running.child.stdio[4]?.destroy()
    const silent = connect(join(plan.runDir, 'ctl')).on('error', () => {})
    silent.pause()
    silent.write('subscribe\n')
    expect(await running.exitCode).toBe(6)
    expect(readExitRecord(plan.runDir).stdout_bytes).toBe(1500)
    silent.destroy()
  })

  test('the files of a run directory are root’s alone', async () => {
    const plan = scene.plan(sh('echo x; echo y >&2'))
    await runToEnd(binary, plan)
    for (const file of [
      'lock',
      'run.json',
      'status',
      ...logSegments(plan.runDir, 'stdout'),
      ...logSegments(plan.runDir, 'stderr'),
    ]) {
      const { mode, uid } = statSync(join(plan.runDir, file))
      expect([file, (mode & 0o777).toString(8), uid]).toEqual([file, '600', 0])
    }
  })

  test('limits and umask of the plan hold', async () => {
    const limits = [
      { name: 'nofile', soft: 100, hard: 200 },
      { name: 'core', soft: 0, hard: 0 },
    ] as const
    const { stdout } = await runToEnd(
      binary,
      scene.plan(sh('ulimit -Sn; ulimit -Hn; ulimit -c; umask'), { limits, umask: 0o027 }),
    )
    expect(stdout.split('\n').slice(0, 4)).toEqual(['100', '200', '0', '0027'])
  })
})

function pidOf(running: { events: readonly { event: string }[] }): number {
  return (running.events.find((event) => event.event === 'started') as unknown as { pid: number }).pid
}

/** Looks for text in the private writable memory of a process. */
function memoryHolds(pid: number, needle: string): boolean {
  const script = `
import re, sys
pid, needle = int(sys.argv[1]), sys.argv[2].encode()
with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
    for line in open(f'/proc/{pid}/maps'):
        match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
        if not match: continue
        start, end = (int(part, 16) for part in match.groups())
        try:
            memory.seek(start)
            if needle in memory.read(end - start): sys.exit(3)
        except OSError: pass`
  return spawnSync('/usr/bin/python3', ['-c', script, String(pid), needle], { stdio: 'inherit' }).status === 3
}
