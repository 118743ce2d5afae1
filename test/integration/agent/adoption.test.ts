import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProcessSpec, ProcessSpec as ProcessSpecCodec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
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
const inApp = (spec: ProcessSpec, name: string) => join(host.appDir(spec.content as never), name)

test('R-071 content outlives kill -9 of the agent, which finds it again and goes on', async () => {
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  const { socketPath } = await host.sim.waitForEvent(spec.processId, 'ready')
  const before = await ask(socketPath)
  await host.killAgent()
  expect(await ask(socketPath)).toBe(before)
  await host.startAgent()
  expect(host.sim.hellos.at(-1)?.processes).toContainEqual({ processId: spec.processId, lastSeq: 3 })
  await waitFor('a heartbeat that names it', () => host.sim.heartbeats.at(-1)?.running.includes(spec.processId))
  expect(await ask(socketPath)).toBe(before)
  expect(names(spec.processId)).toEqual(['accepted', 'started', 'ready'])
  host.sim.want([])
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ code: 0, reason: 'stopped' })
})

test('the exit code of a process that ended while the agent was away, and every byte of its log, are reported', async () => {
  const spec = host.serving(`import os, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
while not os.path.exists('go'): time.sleep(0.01)
for i in range(60000): print(f'line {i} ' + 'x' * 40)
sys.exit(37)
`)
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  await host.killAgent()
  writeFileSync(inApp(spec, 'go'), '')
  await waitFor('its exit record', () => existsSync(join(host.runDirOf(spec), 'status')))
  await host.startAgent()
  const exited = await host.sim.waitForEvent(spec.processId, 'exited')
  expect(exited).toMatchObject({ code: 37, reason: 'exited' })
  expect(host.sim.eventsOf(spec.processId).find((one) => one.event?.$case === 'exited')?.inferred).toBe(true)
  await host.sim.waitForEvent(spec.processId, 'finalized')
  const expected = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${'x'.repeat(40)}\n`).join('')
  const log = host.sim.logOf(spec.processId, 'stdout')
  expect(log.gapBytes).toBe(0n)
  expect(log.text === expected).toBe(true)
})

test('a process whose agent was killed before it was ready becomes ready under the next one', async () => {
  const spec = host.serving(
    ANSWERING.replace('s = socket.socket(', "import time\nwhile not os.path.exists('go'): time.sleep(0.01)\ns = socket.socket("),
  )
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'started')
  await host.killAgent()
  await host.startAgent()
  writeFileSync(inApp(spec, 'go'), '')
  const { socketPath } = await host.sim.waitForEvent(spec.processId, 'ready')
  expect(await ask(socketPath)).toMatch(/^\d+ /)
  expect(names(spec.processId)).toEqual(['accepted', 'started', 'ready'])
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'exited')
})

test('the same id never runs twice, also when it is wanted again', async () => {
  const spec = host.serving(`import sys\nopen('ran', 'a').write('x')\nsys.exit(0)\n`)
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'finalized')
  host.sim.want([spec])
  await waitFor('the answer', () => host.sim.answers.at(-1)?.generation === host.sim.generation)
  await host.killAgent()
  await host.startAgent()
  await waitFor('the answer after the restart', () => host.sim.answers.at(-1)?.generation === host.sim.generation)
  const marker = host.serving(`import sys\nsys.exit(0)\n`)
  host.sim.want([spec, marker])
  await host.sim.waitForEvent(marker.processId, 'exited')
  expect(readFileSync(inApp(spec, 'ran'), 'utf8')).toBe('x')
  host.sim.want([])
})

test('accepted and never launched: it is started under the same id by the next agent', async () => {
  await host.killAgent()
  const spec = host.serving(ANSWERING)
  const dir = host.runDirOf(spec)
  mkdirSync(dir, { mode: 0o700 })
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(join(dir, 'spec.json'), JSON.stringify({ version: 1, bootId, cgroups: [], spec: ProcessSpecCodec.toJSON(spec) }))
  writeFileSync(join(dir, 'events.jsonl'), `${JSON.stringify({ processId: spec.processId, seq: 1, atMs: '1', accepted: {} })}\n`)
  host.sim.want([spec])
  await host.startAgent()
  await host.sim.waitForEvent(spec.processId, 'ready')
  expect(names(spec.processId)).toEqual(['accepted', 'started', 'ready'])
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'exited')
})

test('a process of an earlier boot is reported as ended by it and not started', async () => {
  await host.killAgent()
  const spec = host.serving(ANSWERING)
  const dir = host.runDirOf(spec)
  mkdirSync(dir, { mode: 0o700 })
  writeFileSync(
    join(dir, 'spec.json'),
    JSON.stringify({ version: 1, bootId: 'an earlier one', cgroups: [], spec: ProcessSpecCodec.toJSON(spec) }),
  )
  writeFileSync(join(dir, 'events.jsonl'), `${JSON.stringify({ processId: spec.processId, seq: 1, atMs: '1', accepted: {} })}\n`)
  host.sim.want([spec])
  await host.startAgent()
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ reason: 'reboot' })
  expect(names(spec.processId)).not.toContain('started')
})

test('a killed monitor takes its content along, and that is reported', async () => {
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  const monitor = host.sim.find(spec.processId, 'started')?.monitorPid ?? 0
  process.kill(monitor, 'SIGKILL')
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ reason: 'monitor_lost', code: 137 })
  await host.sim.waitForEvent(spec.processId, 'finalized')
  expect(host.leftovers().filter((line) => line.startsWith('process'))).toEqual([expect.stringContaining('main.js')])
})

test('a monitor that was killed while the agent was away is found missing', async () => {
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  await host.killAgent()
  process.kill(host.sim.find(spec.processId, 'started')?.monitorPid ?? 0, 'SIGKILL')
  await host.startAgent()
  expect(await host.sim.waitForEvent(spec.processId, 'exited')).toMatchObject({ reason: 'monitor_lost' })
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

test('what was not acknowledged is sent again, each number once and in order', async () => {
  host.sim.acknowledges = false
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  await waitFor('ready, unacknowledged', () =>
    host.sim.received.some((one) => one.processId === spec.processId && one.event?.$case === 'ready'),
  )
  await host.killAgent()
  host.sim.acknowledges = true
  await host.startAgent()
  await host.sim.waitForEvent(spec.processId, 'ready')
  expect(host.sim.eventsOf(spec.processId).map((one) => one.seq)).toEqual([1, 2, 3])
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

test('a database restored to earlier is told again what it had acknowledged', async () => {
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  await host.sim.waitForEvent(spec.processId, 'ready')
  host.sim.forgetEventsAfter(spec.processId, 1)
  await host.sim.hangUp()
  await host.sim.listen()
  await host.sim.waitForEvent(spec.processId, 'ready')
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

test('the agent leaves when its starter is gone, and content goes on', async () => {
  const spec = host.serving(ANSWERING)
  host.sim.want([spec])
  const { socketPath } = await host.sim.waitForEvent(spec.processId, 'ready')
  host.letGoOfAgent()
  expect(await host.agentExit()).toBe(0)
  expect(await ask(socketPath)).toMatch(/^\d+ /)
  await host.startAgent()
  host.sim.want([])
  await host.sim.waitForEvent(spec.processId, 'finalized')
})

test('a host that the control plane does not know any more joins again with the token it was given', async () => {
  await host.killAgent()
  host.sim.goodbye = 'unknown_node'
  const before = host.sim.enrolments.length
  host.launchAgent()
  await waitFor('the enrolment', () => host.sim.enrolments.length > before)
  host.sim.goodbye = undefined
  await waitFor('the session', () => host.sim.isConnected)
})

test('stopping content ends everything, reports it, and leaves nothing', async () => {
  const specs = [host.serving(ANSWERING), host.serving(ANSWERING)]
  host.sim.want(specs)
  for (const spec of specs) await host.sim.waitForEvent(spec.processId, 'ready')
  host.tellAgent({ stop: 'content' })
  expect(await host.agentExit()).toBe(0)
  for (const spec of specs)
    expect(host.sim.find(spec.processId, 'exited')).toMatchObject({ reason: 'stopped', message: 'shutdown' })
  expect(host.leftovers()).toEqual([])
  expect(execFileSync('ls', [join(host.dirs.stateDir, 'runs')], { encoding: 'utf8' })).toBe('')
  expect(existsSync(join(host.dirs.tempDir, 'berth-workspaces'))).toBe(false)
})
