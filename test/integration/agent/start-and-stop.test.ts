import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Intent } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AgentHost, ANSWERING, ask } from './agent-host.js'

let host: AgentHost
beforeAll(async () => {
  host = await AgentHost.create()
  await host.startAgent()
})
afterAll(() => host.destroy())

const names = (id: string) => host.sim.eventsOf(id).map((one) => one.event?.$case)

test('a host joins with its token, which goes only to the authority that the token names', async () => {
  expect(host.sim.enrolments).toHaveLength(1)
  expect(statSync(join(host.dirs.stateDir, 'identity/identity.json')).mode & 0o777).toBe(0o600)
  const facts = host.sim.hellos[0]?.facts
  expect(facts?.pythons).toEqual([{ version: host.pythonVersion, executable: '/usr/bin/python3' }])
  expect(facts?.cgroupMode).toMatch(/^(v1|v2|hybrid|none)$/)
})

test('a served process is started once, becomes ready, answers at its claimed socket, and stops without leaving anything', async () => {
  const spec = host.serving(ANSWERING, { env: { GREETING: 'hi' } })
  host.sim.secrets.set(spec.processId, { SECRET: 'shh' })
  host.sim.want([spec])
  const ready = await host.sim.waitForEvent(spec.processId, 'ready')
  expect(ready.socketPath).toBe(host.claimed(spec))
  expect(await ask(ready.socketPath)).toMatch(new RegExp(`^\\d+ ${host.accounts.standard.uid}$`))
  expect(names(spec.processId)).toEqual(['accepted', 'started', 'ready'])
  expect(host.sim.find(spec.processId, 'started')).toMatchObject({
    uid: host.accounts.standard.uid,
    gid: host.accounts.standard.gid,
  })
  const journey = host.sim
    .eventsOf(spec.processId)
    .at(-1)
    ?.journey.map((one) => one.step)
  expect(journey).toEqual(
    expect.arrayContaining([
      'resolve-identity',
      'prepare-dirs',
      'fetch-secrets',
      'build-plan',
      'launch',
      'wait-ready',
      'claim-socket',
    ]),
  )
  expect(host.sim.secretsAsked).toContain(spec.processId)
  // Secrets are in no file of ours.
  expect(() => execFileSync('grep', ['-r', 'shh', host.dirs.stateDir])).toThrow()

  host.sim.want([{ ...spec, intent: Intent.STOP, stopReason: 'killed' }])
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  expect(exited).toMatchObject({ code: 0, reason: 'stopped', message: 'killed' })
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(host.sim.logOf(spec.processId, 'stdout').text).toBe(`hello from ${host.accounts.standard.uid}\nbye\n`)
  expect(host.sim.logOf(spec.processId, 'stderr').text).toBe('careful\n')
  expect(exited).toMatchObject({ stdoutBytes: BigInt(host.sim.logOf(spec.processId, 'stdout').text.length), stderrBytes: 8n })
  expect(existsSync(host.claimed(spec))).toBe(false)
  expect(readdirSync(join(host.dirs.runDir, 'p'))).toEqual([])
  expect(readdirSync(join(host.dirs.tempDir, 'berth-workspaces'))).toEqual([])
  expect(host.leftovers().filter((line) => line.includes(spec.processId))).toEqual([])
})

test('only the gateway can connect to a claimed socket, and the content cannot put anything in its place', async () => {
  const spec = host.serving(
    `${ANSWERING.replace(
      'while True:',
      `import os, threading
def swap():
    while not os.path.exists('swap'): pass
    os.unlink(sys.argv[1])
    os.symlink('/etc/passwd', sys.argv[1])
    open('swapped', 'w').close()
threading.Thread(target=swap, daemon=True).start()
while True:`,
    )}`,
  )
  host.sim.want([spec])
  const { socketPath } = await host.sim.waitForEvent(spec.processId, 'ready')
  const before = statSync(socketPath)
  expect([before.uid, before.gid, before.mode & 0o777]).toEqual([0, host.accounts.outsider.gid, 0o660])
  expect(statSync(join(socketPath, '..')).mode & 0o777).toBe(0o710)
  const connectAs = (name: string) =>
    execFileSync(
      '/usr/sbin/runuser',
      [
        '-u',
        name,
        '--',
        '/usr/bin/python3',
        '-c',
        `import socket; socket.socket(socket.AF_UNIX).connect(${JSON.stringify(socketPath)})`,
      ],
      { stdio: 'pipe' },
    )
  expect(() => connectAs(host.accounts.outsider.name)).not.toThrow() // stands for the gateway here
  expect(() => connectAs(host.accounts.standard.name)).toThrow()
  expect(() => connectAs(host.accounts.primary.name)).toThrow()
  execFileSync('touch', [join(host.appDir(spec.content as never), 'swap')])
  await waitFor('the swap', () => existsSync(join(host.appDir(spec.content as never), 'swapped')))
  expect(statSync(socketPath).ino).toBe(before.ino)
  expect(await ask(socketPath)).toMatch(/^\d+ /)
  host.sim.want([])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ reason: 'stopped', message: 'not_wanted' })
})

test.each([
  ['a link', "os.symlink('/run/lock', sys.argv[1])"],
  ['a file', "open(sys.argv[1], 'w').close()"],
])('%s where the socket should be is not claimed', async (_what, make) => {
  const spec = host.serving(`import os, sys, time\n${make}\ntime.sleep(60)\n`)
  host.sim.want([spec])
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  expect(exited).toMatchObject({ failingStep: 'wait-ready', message: 'where its socket should be it made something else' })
  expect(existsSync(host.claimed(spec))).toBe(false)
  expect(host.sim.find(spec.processId, 'ready')).toBeUndefined()
})

test('content that listens elsewhere is ended after its init timeout, and its exit says where it listened', async () => {
  const spec = host.serving(
    `import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\nprint(s.getsockname()[1], flush=True)\ntime.sleep(60)\n`,
    { work: { initTimeoutMs: 1_500 } },
  )
  host.sim.want([spec])
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  await host.sim.waitForEvent(spec.processId, 'finalized')
  const port = host.sim.logOf(spec.processId, 'stdout').text.trim()
  expect(exited.reason).toBe('init_timeout')
  expect(exited.failingStep).toBe('wait-ready')
  expect(exited.message).toContain(`listens on 127.0.0.1:${port}, not on the socket it was given`)
})

test('content that ends before it listens is reported at once, with its own code', async () => {
  const spec = host.serving(`import sys\nprint('cannot', file=sys.stderr)\nsys.exit(3)\n`)
  host.sim.want([spec])
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  expect(exited).toMatchObject({
    code: 3,
    reason: 'exited',
    failingStep: 'wait-ready',
    message: 'it ended before it listened on its socket',
  })
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(host.sim.logOf(spec.processId, 'stderr').text).toBe('cannot\n')
})

test('content that ignores every signal is killed with its whole tree', async () => {
  const spec = host.serving(
    `import os, signal, socket, sys, time
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
time.sleep(600)
`,
    { stop: { stopGraceMs: 100, killGraceMs: 100 } },
  )
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  host.sim.want([{ ...spec, intent: Intent.STOP, stopReason: 'idle' }])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 137, signal: 9, reason: 'stopped' })
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(host.leftovers().filter((line) => line.startsWith('process'))).toEqual([expect.stringContaining('main.js')])
})

test('stopped before it was started: never started, and said so', async () => {
  const spec = host.serving(ANSWERING, { intent: Intent.STOP, stopReason: 'replaced' })
  host.sim.want([spec])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ reason: 'stopped', message: 'replaced' })
  expect(names(spec.processId)).not.toContain('started')
})
