import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { StartFailure } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage, until } from './gateway-stage.js'
import { bundleRoute, contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'
const HTML = { Accept: 'text/html' }

const FAILURE: StartFailure = {
  code: 'start_failed',
  message: 'The application ended with exit code 1 <while> it started.',
  failingStep: 'wait-ready',
  jobKey: 'abcdEFGH12345678',
  logTail: ['Traceback', 'ImportError: <script>alert(1)</script>', 'colour \u001b[31mred\u001b[0m \u202egnp.exe'],
  journey: [
    { step: 'launch', durationUs: 3_200, failed: false, reason: '' },
    { step: 'wait-ready', durationUs: 512_000, failed: true, reason: 'exit code 1' },
  ],
  retryLater: false,
}

describe('a request whose content has no process', () => {
  let stage: GatewayStage
  const get = (headers: Record<string, string> = {}, path = '/') => ask(stage.port, `/content/${GUID}${path}`, { headers })
  beforeAll(async () => {
    stage = await GatewayStage.start()
  })
  afterEach(() => {
    stage.routes.acquired.length = 0
  })
  afterAll(() => stage.stop())

  test('R-053 is held until one is ready; those who come meanwhile share the question', async () => {
    const app = await stage.process((_req, res) => res.end('started'))
    stage.routes.publish([contentRoute(GUID, {})])
    await stage.inForce()
    let ready = (): void => {}
    stage.routes.onAcquire = () =>
      new Promise((resolve) => {
        ready = () => resolve({ $case: 'endpoint', value: { ...app, draining: false } })
      })
    const first = get()
    await until(() => stage.routes.acquired.length === 1)
    const held = Promise.all([first, get(), ask(stage.port, `/content/${GUID}/`, { method: 'POST', body: 'kept' })])
    // Answered after those two have arrived: they wait with the first when it is let go.
    for (let round = 0; round < 3; round += 1) await ask(stage.port, `/content/${GUID.replace(/./g, '0')}/`, {})
    ready()
    expect((await held).map((answer) => answer.body)).toEqual(['started', 'started', 'started'])
    expect(stage.routes.acquired).toHaveLength(1)
    expect(stage.routes.acquired[0]).toMatchObject({ contentGuid: GUID, bundleId: 1n })
    expect(stage.routes.acquired[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
  })

  test('shows the failing step, the job, and the log to those who may see it only', async () => {
    stage.routes.publish([contentRoute(GUID, {}, { rightsVersion: 2n })])
    await stage.inForce()
    stage.routes.onAcquire = () => Promise.resolve({ $case: 'failure', value: FAILURE })
    const page = await get(HTML)
    expect(page.status).toBe(502)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    for (const text of ['wait-ready', 'abcdEFGH12345678', '&lt;while&gt;', '512 ms', 'exit code 1'])
      expect(page.body).toContain(text)
    expect(page.body).not.toContain('Traceback')
    const json = await get()
    expect(JSON.parse(json.body)).toMatchObject({ code: 1, error: FAILURE.message, payload: { failing_step: 'wait-ready' } })
    expect(json.body).not.toContain('Traceback')
    stage.routes.onAuthorize = () => ({ decision: 'allow', visitor: { username: 'ada' }, maySeeLog: true })
    const owner = await get({ ...HTML, Cookie: 'berth_session=s' })
    expect(owner.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(owner.body).toContain('colour \ufffd[31mred')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(owner.body).not.toMatch(/[\u001b\u202e]|<script>alert/)
  })

  test.each([
    ['init_timeout', false, 504],
    ['no_node', false, 503],
    ['refused', false, 502],
    ['start_failed', true, 503],
    ['not_deployed', false, 404],
  ])('is answered for %s (again later: %s) with %i', async (code, retryLater, status) => {
    stage.routes.publish([contentRoute(GUID, {})])
    await stage.inForce()
    stage.routes.onAcquire = () => Promise.resolve({ $case: 'failure', value: { ...FAILURE, code, retryLater } })
    const answer = await get()
    expect(answer.status).toBe(status)
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
  })

  test('gets a new one when the one it was sent to is gone, and 502 when that is gone too', async () => {
    const app = await stage.process((_req, res) => res.end('new'))
    const gone = { processId: randomUUID(), socketPath: join(stage.dir, 'gone.sock') }
    stage.routes.publish([contentRoute(GUID, { processes: [gone] })])
    await stage.inForce()
    stage.routes.onAcquire = () => Promise.resolve({ $case: 'endpoint', value: { ...app, draining: false } })
    const answer = await ask(stage.port, `/content/${GUID}/`, { method: 'POST', body: 'once' })
    expect(answer.body).toBe('new')
    expect(stage.routes.acquired).toHaveLength(1)
    stage.routes.onAcquire = () => Promise.resolve({ $case: 'endpoint', value: { ...gone, draining: false } })
    const lost = await get()
    expect(lost.status).toBe(502)
    expect(stage.routes.acquired.length).toBeLessThanOrEqual(4)
  })
})

describe('a visitor', () => {
  let stage: GatewayStage
  beforeAll(async () => {
    stage = await GatewayStage.start()
  })
  afterAll(() => stage.stop())
  const stickyOf = (cookies: string[] | undefined): string | undefined =>
    cookies?.find((cookie) => cookie.startsWith('berth_process='))?.split(';')[0]

  test('stays on one process, and content never sees how', async () => {
    const serve = (name: string) => stage.process((req, res) => res.end(`${name} ${req.headers.cookie ?? 'no cookie'}`))
    const [a, b] = [await serve('a'), await serve('b')]
    stage.routes.publish([contentRoute(GUID, { processes: [a, b] })])
    await stage.inForce()
    const first = await ask(stage.port, `/content/${GUID}/`)
    const sticky = stickyOf(first.headers['set-cookie']) as string
    expect(first.headers['set-cookie']?.[0]).toContain(`Path=/content/${GUID}/; HttpOnly; SameSite=Lax`)
    for (let i = 0; i < 5; i += 1) {
      const again = await ask(stage.port, `/content/${GUID}/x`, { headers: { Cookie: sticky } })
      expect(again.body).toBe(first.body)
      expect(again.headers['set-cookie']).toBeUndefined()
    }
    const other = sticky.includes(a.processId) ? b : a
    const moved = sticky.replace(/=[0-9a-f-]{36}/, `=${other.processId}`)
    expect((await ask(stage.port, `/content/${GUID}/`, { headers: { Cookie: moved } })).body).not.toBe(first.body)
  })

  test('is counted while the request runs, and the report is complete', async () => {
    let release = (): void => {}
    const app = await stage.process((_req, res) => {
      release = () => res.end('done')
    })
    const idle = await stage.process((_req, res) => res.end())
    stage.routes.publish([contentRoute(GUID, { processes: [app, { ...idle, draining: true }] })])
    await stage.inForce()
    const running = ask(stage.port, `/content/${GUID}/`)
    const loadOf = (processId: string) => stage.routes.loads.at(-1)?.processes.find((load) => load.processId === processId)
    await until(() => loadOf(app.processId)?.connections === 1)
    expect(loadOf(app.processId)?.idleMs).toBe(0)
    expect(loadOf(idle.processId)?.connections).toBe(0)
    release()
    await running
    await until(() => loadOf(app.processId)?.connections === 0)
    await until(() => (loadOf(app.processId)?.idleMs ?? 0) > 0)
  })

  test('never starts on a process that drains: once the gateway reports that snapshot, what runs there is all there will be', async () => {
    let onA = 0
    const a = await stage.process((_req, res) => {
      onA += 1
      setTimeout(() => res.end('a'), 5)
    })
    const b = await stage.process((_req, res) => res.end('b'))
    stage.routes.publish([contentRoute(GUID, { processes: [a] })])
    await stage.inForce()
    let stop = false
    const visitors = Array.from({ length: 8 }, async () => {
      while (!stop) await ask(stage.port, `/content/${GUID}/`)
    })
    await until(() => onA > 20)
    stage.routes.publish([
      { ...contentRoute(GUID, {}), bundles: [bundleRoute({ bundleId: 1n, processes: [{ ...a, draining: true }, b] })] },
    ])
    await stage.inForce()
    const report = stage.routes.loads.find((load) => load.routesGeneration === stage.routes.generation)
    const left = report?.processes.find((load) => load.processId === a.processId)?.connections ?? 0
    const seen = onA
    await new Promise((resolve) => setTimeout(resolve, 300))
    stop = true
    await Promise.all(visitors)
    // `left` were counted in that report and had reached the process before we looked.
    expect(onA).toBe(seen)
    expect(left).toBeLessThanOrEqual(8)
  })
})
