import type { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { LogStream } from '@berth/protocol/gen/berth/agent/v1/log.js'
import { SimAgent, type SimProcess, type SimScript } from '@berth/testing/sim-agent.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Core, type Gateway, seedDeployed, startCore } from './core-fixture.js'

let core: Core
let agent: SimAgent
let gateway: Gateway
let script: SimScript
const born: SimProcess[] = []

beforeAll(async () => {
  core = await startCore((settings) => ({ ...settings, scheduler: { ...settings.scheduler, idleTimeoutMs: 1_500 } }))
})
beforeEach(async () => {
  born.length = 0
  script = () => {}
  agent = await core.newAgent((spec, process) => {
    born.push(process)
    return script(spec, process)
  })
  // One host at a time: an earlier test's must not be chosen.
  await core.sql`update nodes set last_seen_time = null where id <> ${agent.identity.nodeId}`
  agent.connect()
  await waitFor('the first desired state', () => agent.desired.length > 0)
  gateway = core.gateway()
})
afterEach(async () => {
  await core.sql`update processes set phase = 'exited', finalized = true where phase <> 'exited'`
  agent.disconnect()
  gateway.close()
})
afterAll(async () => {
  await core?.stop()
})

async function row(id: string): Promise<Record<string, unknown>> {
  return (await core.sql`select * from processes where id = ${id}`)[0] as Record<string, unknown>
}

/** A visitor waits for a process of a new content; the process has begun on the simulated host. */
async function visited(): Promise<{
  visit: ReturnType<Gateway['acquire']>
  process: SimProcess
  contentGuid: string
  bundleId: bigint
}> {
  const seeded = await seedDeployed(core)
  const visit = gateway.acquire(seeded.contentGuid, seeded.bundleId)
  const process = await waitFor('the process to begin', () => born[0])
  return { visit, process, ...seeded }
}

const accepted = { $case: 'accepted', value: {} } as const
const started = { $case: 'started', value: { hostPid: 7, hostPpid: 6, monitorPid: 5, uid: 1, gid: 1 } } as const
const ready = { $case: 'ready', value: { socketPath: '/run/berth/claimed/x.sock' } } as const

test('events that come twice, in another order and again after a reconnect count once each', async () => {
  const { visit, process } = await visited()
  const [one, two, three] = [process.number(accepted), process.number(started), process.number(ready)] as [
    LifecycleEvent,
    LifecycleEvent,
    LifecycleEvent,
  ]
  agent.sendEvents(three, one, two, one)
  agent.sendEvents(two, one)
  expect((await visit).endpoint?.socketPath).toBe('/run/berth/claimed/x.sock')
  agent.disconnect()
  agent.connect()
  await waitFor('the second welcome', () => agent.welcomes.length === 2)
  expect(agent.welcomes[1]?.stored).toEqual([{ processId: process.spec.processId, lastSeq: 3 }])
  agent.sendEvents(one, two, three)
  await waitFor('an answer', () => agent.acks.at(-1)?.stored[0]?.lastSeq === 3)
  const events = await core.sql`select seq from process_events where process_id = ${process.spec.processId} order by seq`
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3])
  expect(await row(process.spec.processId)).toMatchObject({ phase: 'ready', last_seq: 3, host_pid: 7 })
})

test('numbers that are missing are asked for again, and nothing after them is taken before', async () => {
  const { visit, process } = await visited()
  const [, two, three] = [process.number(accepted), process.number(started), process.number(ready)]
  agent.sendEvents(two, three)
  await visit
  expect(
    agent.acks.some((ack) =>
      ack.resend.some((position) => position.processId === process.spec.processId && position.lastSeq === 0),
    ),
  ).toBe(true)
  expect(await row(process.spec.processId)).toMatchObject({ phase: 'ready', last_seq: 3 })
})

test('a newer stream of a node supersedes the older one, which then writes nothing', async () => {
  const { visit, process } = await visited()
  const newer = new SimAgent({ port: core.controlPlane.clusterPort, identity: agent.identity })
  newer.connect()
  await waitFor('the newer stream', () => newer.desired.length > 0)
  await waitFor('goodbye', () => agent.goodbyes.includes('superseded'))
  agent.ended = false
  agent.sendEvents(process.number(accepted))
  newer.disconnect()
  expect(await row(process.spec.processId)).toMatchObject({ phase: 'assigned', last_seq: 0 })
  agent.disconnect()
  agent.connect()
  process.started()
  process.ready()
  expect((await visit).endpoint).toBeDefined()
})

test('the same generation always has the same digest, over a restart too; a ledger ahead of the database is overtaken', async () => {
  const { visit, process } = await visited()
  process.accepted()
  process.started()
  process.ready()
  await visit
  const before = await waitFor('the set to settle', () => agent.desired.at(-1))
  await core.controlPlane.kill()
  await core.controlPlane.start()
  agent.disconnect()
  agent.connect()
  const after = await waitFor('the set again', () =>
    agent.desired.length > 1 && agent.desired.at(-1) !== before ? agent.desired.at(-1) : undefined,
  )
  expect(after.generation).toBe(before.generation)
  expect(Buffer.from(after.digest).equals(Buffer.from(before.digest))).toBe(true)
  agent.disconnect()
  agent.connect({ ledgerGeneration: before.generation + 1000n, ledgerDigest: new Uint8Array(32) })
  const raised = await waitFor('a newer set', () => agent.desired.find((state) => state.generation > before.generation + 1000n))
  expect(raised.processes).toHaveLength(1)
})

test('generations only rise, each with its own set', async () => {
  const { visit, process, contentGuid } = await visited()
  process.accepted()
  process.started()
  process.ready()
  await visit
  await core.sql`delete from content where guid = ${contentGuid}` // as nothing of ours would: the set changes without its number
  agent.disconnect()
  agent.connect()
  await waitFor('the emptied set under a new number', () => agent.desired.at(-1)?.processes.length === 0)
  const numbers = agent.desired.map((state) => state.generation)
  expect([...numbers].sort((a, b) => (a < b ? -1 : 1))).toEqual(numbers)
})

test('visitors who arrive together wait for one process', async () => {
  const { visit, process, contentGuid, bundleId } = await visited()
  const more = Array.from({ length: 20 }, () => gateway.acquire(contentGuid, bundleId))
  process.accepted()
  process.started()
  process.ready()
  const ids = new Set((await Promise.all([visit, ...more])).map((answer) => answer.endpoint?.processId))
  expect([...ids]).toEqual([process.spec.processId])
  expect(born).toHaveLength(1)
})

test('a start that fails answers with the journey, the failing step and the last lines', async () => {
  const { visit, process } = await visited()
  process.accepted()
  process.started()
  await process.log('ImportError: no module named app\n', 'stderr')
  const exited = process.number({
    $case: 'exited',
    value: {
      code: 3,
      signal: 0,
      reason: 'exited',
      failingStep: 'wait-ready',
      message: 'it ended before it listened',
      stdoutBytes: 0n,
      stderrBytes: 33n,
    },
  })
  const journey = [
    { step: 'launch', beginMs: 1n, durationUs: 900, failed: false, reason: '' },
    { step: 'wait-ready', beginMs: 2n, durationUs: 40, failed: true, reason: 'ended' },
  ]
  agent.sendEvents({ ...exited, journey })
  process.finalized()
  const { failure } = await visit
  expect(failure).toMatchObject({
    code: 'start_failed',
    failingStep: 'wait-ready',
    jobKey: process.spec.key,
    logTail: ['ImportError: no module named app'],
    journey: [
      { step: 'launch', failed: false },
      { step: 'wait-ready', durationUs: 40, failed: true, reason: 'ended' },
    ],
  })
  expect(failure?.message).toContain('it ended before it listened')
})

test('after three failed starts in a row the last failure is answered for a while instead of a fourth start', async () => {
  script = (_spec, process) => {
    process.accepted()
    process.started()
    process.exited(1)
    process.finalized()
  }
  const seeded = await seedDeployed(core)
  for (let i = 0; i < 5; i += 1)
    expect((await gateway.acquire(seeded.contentGuid, seeded.bundleId)).failure?.code).toBe('start_failed')
  expect(born).toHaveLength(3)
})

test('an agent refusal reaches the visitor as it was said', async () => {
  script = (_spec, process) => {
    process.refused('reserved_user', '"berth-db" is an account of the server\'s own services')
  }
  const seeded = await seedDeployed(core)
  const { failure } = await gateway.acquire(seeded.contentGuid, seeded.bundleId)
  expect(failure).toMatchObject({ code: 'refused', failingStep: 'reserved_user' })
  expect(failure?.message).toContain('berth-db')
})

test('R-054 without connections for the idle timeout a process drains, and ends only when the gateway has confirmed that', async () => {
  gateway.watch()
  await waitFor('routes', () => gateway.snapshots.length > 0)
  const { visit, process } = await visited()
  process.accepted()
  process.started()
  process.ready()
  await visit
  const id = process.spec.processId
  const load = gateway.client.reportLoad(() => {})
  const report = (connections: number, generation: bigint): void => {
    load.write({
      gatewayId: gateway.id,
      routesGeneration: generation,
      processes: [{ processId: id, connections, idleMs: connections > 0 ? 0 : 10_000 }],
    })
  }
  const newest = (): bigint => gateway.snapshots.at(-1)?.generation ?? 0n
  report(1, newest())
  await waitFor(
    'some rounds with a connection',
    async () =>
      (await core.sql`select 1 from processes where id = ${id} and ready_time < now() - interval '4 seconds'`).length > 0,
  )
  report(1, newest())
  expect(await row(id)).toMatchObject({ intent: 'run' })
  const stale = newest()
  await waitFor('drain', async () => {
    report(0, stale)
    return (await row(id)).intent === 'drain'
  })
  await waitFor('the snapshot that says so', () =>
    gateway.snapshots
      .at(-1)
      ?.contents.some((content) =>
        content.bundles.some((bundle) => bundle.processes.some((one) => one.processId === id && one.draining)),
      ),
  )
  report(0, stale)
  expect(await row(id)).toMatchObject({ intent: 'drain' })
  await waitFor('stop', async () => {
    report(0, newest())
    return (await row(id)).intent === 'stop'
  })
  expect(await row(id)).toMatchObject({ stop_reason: 'idle' })
  await process.stopWanted()
  load.end()
})

test('R-063 no process of a content is placed while one with another account lives', async () => {
  const { visit, process, contentGuid, bundleId } = await visited()
  process.accepted()
  process.started()
  process.ready()
  await visit
  await core.sql`update content set run_as = 'other' where guid = ${contentGuid}`
  const second = gateway.acquire(contentGuid, bundleId)
  await process.stopWanted()
  expect(born).toHaveLength(1)
  process.exited(0, { reason: 'stopped' })
  const next = await waitFor('its successor', () => born[1])
  expect(next.spec.runAs).toBe('other')
  next.accepted()
  next.started()
  next.ready()
  expect((await second).endpoint?.processId).toBe(next.spec.processId)
  expect(await row(process.spec.processId)).toMatchObject({ stop_reason: 'run_as_changed', exit_reason: 'stopped' })
})

test('every byte of output is kept once, whatever is sent again, and the answer says from where to go on', async () => {
  const { visit, process } = await visited()
  process.accepted()
  process.started()
  process.ready()
  await visit
  const id = process.spec.processId
  const chunk = (offset: number, text: string, gap = 0n) => ({
    processId: id,
    stream: LogStream.STDOUT,
    offset: BigInt(offset),
    data: Buffer.from(text),
    gapBytes: gap,
    atMs: BigInt(Date.now()),
  })
  expect((await agent.pushLog([chunk(0, 'hello '), chunk(6, 'wor')])).stored[0]?.offset).toBe(9n)
  expect((await agent.pushLog([chunk(20, 'too far')])).stored[0]?.offset).toBe(9n)
  expect((await agent.pushLog([chunk(0, 'hello world\n')])).stored[0]?.offset).toBe(12n)
  expect((await agent.pushLog([chunk(12, '', 100n), chunk(112, 'end')])).stored[0]?.offset).toBe(115n)
  const chunks =
    await core.sql`select convert_from(data, 'UTF8') as text, gap_bytes from process_log_chunks where process_id = ${id} order by start_offset`
  expect(chunks.map((one) => one.text).join('|')).toBe('hello |wor|ld\n||end')
})

test('a process of which the agent has lost every trace is ended in the books, and never started again', async () => {
  const { visit, process } = await visited()
  process.accepted()
  await waitFor('accepted', async () => (await row(process.spec.processId)).phase === 'preparing')
  agent.disconnect()
  agent.connect({ forget: true })
  const { failure } = await visit
  expect(failure?.message).toContain('run directory was lost')
  await waitFor('the set without it', () => agent.desired.at(-1)?.processes.length === 0)
})

test('an archive is sent to the node that unpacks it, in ranges, and to nobody else', async () => {
  const { https } = await import('@berth/testing/sim-agent.js')
  const { process, bundleId } = await visited()
  const [bundle] = await core.sql<{ archive_sha256: string }[]>`select archive_sha256 from bundles where id = ${`${bundleId}`}`
  const path = `/artifacts/bundles/${bundle?.archive_sha256}`
  const get = (identity: SimAgent['identity'], headers: Record<string, string> = {}) =>
    https(core.controlPlane.clusterPort, { method: 'GET', path, identity, headers })
  expect(await get(agent.identity)).toMatchObject({ status: 200, text: '0123456789' })
  expect(await get(agent.identity, { range: 'bytes=4-' })).toMatchObject({ status: 206, text: '456789' })
  expect(await get(agent.identity, { range: 'bytes=2-3' })).toMatchObject({ status: 206, text: '23' })
  expect(await get(agent.identity, { range: 'bytes=10-' })).toMatchObject({ status: 416 })
  expect((await get((await core.newAgent()).identity)).status).toBe(404)
  process.refused('x', 'over')
})

test('Postgres may go away and come back: nothing that was not stored is acknowledged, and everything goes on', async () => {
  const { visit, process } = await visited()
  process.accepted()
  await waitFor('accepted', async () => (await row(process.spec.processId)).phase === 'preparing')
  await core.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'berth'`
  if (agent.ended) agent.connect()
  process.started()
  process.ready()
  await waitFor('ready', async () => {
    if (agent.ended) agent.connect()
    return (await row(process.spec.processId)).phase === 'ready'
  })
  await visit.catch(() => undefined) // this one may have been cut; the next is not
  expect((await gateway.acquire(process.spec.content?.guid ?? '', process.spec.content?.bundleId ?? 0n)).endpoint).toBeDefined()
})

test('SIGTERM says goodbye and ends with 0; so does the death of whoever started it', async () => {
  expect(await core.controlPlane.terminate()).toBe(0)
  await waitFor('goodbye', () => agent.goodbyes.includes('shutting_down'))
  await core.controlPlane.start()
  expect(await core.controlPlane.orphan()).toBe(0)
  await core.controlPlane.start()
})

test('SIGKILL at any moment of storing events loses none and stores none twice', async () => {
  const { visit, process } = await visited()
  visit.catch(() => {}) // cut with the control plane; what counts here is the books
  process.accepted()
  process.started()
  for (let round = 0; round < 5; round += 1) {
    // Events without an effect of their own: only their numbers matter.
    for (let i = 0; i < 40; i += 1) process.finalized()
    const wanted = 1 + Math.floor((round * 97) % 30)
    await waitFor('some of them', async () => Number((await row(process.spec.processId)).last_seq) >= round * 40 + wanted)
    await core.controlPlane.kill()
    const stored = await core.sql<
      { seq: number }[]
    >`select seq from process_events where process_id = ${process.spec.processId} order by seq`
    expect(stored.map((event) => event.seq)).toEqual(stored.map((_, index) => index + 1))
    const acknowledged = Math.max(0, ...agent.acks.flatMap((ack) => ack.stored).map((position) => position.lastSeq))
    expect(acknowledged).toBeLessThanOrEqual(stored.length)
    await core.controlPlane.start()
    agent.disconnect()
    agent.connect()
    await waitFor(
      'the rest',
      async () => (await row(process.spec.processId)).last_seq === agent.eventsOf(process.spec.processId).length,
    )
  }
})
