import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { GatewayStage, until } from './gateway-stage.js'
import { bundleRoute, contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'
const CLOSED = '22222222-2222-3333-4444-555555555555'
const IMPATIENT = '33333333-2222-3333-4444-555555555555'

interface Shaken {
  readonly socket: WebSocket
  readonly cookies: string[]
  next(): Promise<string>
}

describe('WebSockets (content-types 2.5)', () => {
  let stage: GatewayStage
  let app: { processId: string; socketPath: string }
  const seen: { url: string | undefined; headers: Record<string, unknown> }[] = []
  const echo = async () => {
    const server = new WebSocketServer({ noServer: true })
    const process = await stage.process((_req, res) => res.end('page'))
    process.backend.server.on('upgrade', (req, socket, head) => {
      seen.push({ url: req.url, headers: req.headers })
      if (req.url === '/declined') {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: no\r\n\r\nno')
        return
      }
      if (req.url === '/forged') {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: nonsense\r\n\r\n',
        )
        return
      }
      server.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', (data) => ws.send(`${process.processId.slice(0, 8)} ${data}`))
        if (req.url === '/greets') ws.send('hello')
      })
    })
    return process
  }
  const publish = async (): Promise<void> => {
    stage.routes.publish([
      contentRoute(GUID, { appMode: 'shiny', processes: [app] }),
      contentRoute(CLOSED, { appMode: 'shiny', processes: [app] }, { accessType: 'logged_in' }),
      contentRoute(IMPATIENT, { appMode: 'shiny', processes: [app], readTimeoutMs: 1_000 }),
    ])
    await stage.inForce()
  }
  const open = (path: string, headers: Record<string, string> = {}): Promise<Shaken> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${stage.port}${path}`, { headers })
      const waiting: string[] = []
      let cookies: string[] = []
      socket.on('message', (data) => waiting.push(String(data)))
      socket.on('upgrade', (res) => {
        cookies = res.headers['set-cookie'] ?? []
      })
      socket.on('open', () => {
        const next = async (): Promise<string> => {
          await until(() => waiting.length > 0, 'a message')
          return waiting.shift() as string
        }
        resolve({ socket, cookies, next })
      })
      socket.on('unexpected-response', (_req, res) => reject(new Error(String(res.statusCode))))
      socket.on('error', reject)
    })

  beforeAll(async () => {
    stage = await GatewayStage.start()
    app = await echo()
    await publish()
  })
  afterAll(() => stage.stop())

  test('reach the process with our headers, and carry messages of any size both ways', async () => {
    const shaken = await open(`/content/${GUID}/websocket/?a=b`, {
      'X-Forwarded-For': '6.6.6.6',
      Cookie: 'mine=1; RSC-XSRF=x',
    })
    expect(seen.at(-1)?.url).toBe('/websocket/?a=b')
    expect(seen.at(-1)?.headers).toMatchObject({
      'x-forwarded-prefix': `/content/${GUID}`,
      'x-forwarded-for': '127.0.0.1',
      cookie: 'mine=1',
    })
    shaken.socket.send('x')
    expect(await shaken.next()).toBe(`${app.processId.slice(0, 8)} x`)
    const large = 'y'.repeat(5_000_000)
    shaken.socket.send(large)
    expect(await shaken.next()).toBe(`${app.processId.slice(0, 8)} ${large}`)
    shaken.socket.close()
  }, 30_000)

  test('what is said first, on either side, is not lost', async () => {
    const shaken = await open(`/content/${GUID}/greets`)
    expect(await shaken.next()).toBe('hello')
    shaken.socket.close()
  })

  test('count on their process for their life', async () => {
    const connections = () => stage.routes.loads.at(-1)?.processes.find((load) => load.processId === app.processId)?.connections
    await until(() => connections() === 0)
    const shaken = await open(`/content/${GUID}/`)
    await until(() => connections() === 1)
    shaken.socket.close()
    await until(() => connections() === 0)
  })

  test('R-060 with a session only from a page of ours', async () => {
    stage.routes.onAuthorize = () => ({ decision: 'allow', visitor: { username: 'ada', groups: ['staff'] }, cacheMs: 30_000 })
    const cookie = { Cookie: 'berth_session=s' }
    await expect(open(`/content/${CLOSED}/`)).rejects.toThrow('401')
    await expect(open(`/content/${CLOSED}/`, cookie)).rejects.toThrow('403')
    await expect(open(`/content/${CLOSED}/`, { ...cookie, Origin: 'https://evil.example' })).rejects.toThrow('403')
    const ours = await open(`/content/${CLOSED}/`, { ...cookie, Origin: `http://127.0.0.1:${stage.port}` })
    expect(JSON.parse(String(seen.at(-1)?.headers['shiny-server-credentials']))).toEqual({ user: 'ada', groups: ['staff'] })
    ours.socket.close()
    const program = await open(`/content/${CLOSED}/`, { Authorization: 'Key k' })
    program.socket.close()
  })

  test('an application may decline; one that does not prove that it understood is not believed', async () => {
    await expect(open(`/content/${GUID}/declined`)).rejects.toThrow('403')
    await expect(open(`/content/${GUID}/forged`)).rejects.toThrow('502')
    await expect(open('/content/99999999-2222-3333-4444-555555555555/')).rejects.toThrow('404')
    await expect(open('/connect/')).rejects.toThrow('400')
  })

  test('a visitor who says nothing for the read timeout is let go', async () => {
    const shaken = await open(`/content/${IMPATIENT}/`)
    let closed = false
    shaken.socket.on('close', () => {
      closed = true
    })
    await until(() => closed)
  })

  test('hear at once when their process or their visitor is gone', async () => {
    const short = await echo()
    stage.routes.publish([contentRoute(GUID, { processes: [short] })])
    await stage.inForce()
    const shaken = await open(`/content/${GUID}/`)
    let closed = false
    shaken.socket.on('close', () => {
      closed = true
    })
    await short.backend.close()
    await until(() => closed)
    await publish()
  })

  test('keep their visitor on a process that drains, while others go elsewhere', async () => {
    const next = await echo()
    const shaken = await open(`/content/${GUID}/`)
    const sticky = shaken.cookies.find((cookie) => cookie.startsWith('berth_process='))?.split(';')[0] as string
    expect(sticky).toContain(app.processId)
    const processes = [{ ...app, draining: true }, next]
    stage.routes.publish([{ ...contentRoute(GUID, {}), bundles: [bundleRoute({ bundleId: 1n, appMode: 'shiny', processes })] }])
    await stage.inForce()
    const same = await open(`/content/${GUID}/`, { Cookie: sticky })
    same.socket.send('same')
    expect(await same.next()).toBe(`${app.processId.slice(0, 8)} same`)
    const other = await open(`/content/${GUID}/`)
    other.socket.send('other')
    expect(await other.next()).toBe(`${next.processId.slice(0, 8)} other`)
    for (const one of [same, shaken]) one.socket.close()
    await until(() => (stage.routes.loads.at(-1)?.processes.find((l) => l.processId === app.processId)?.connections ?? 0) === 0)
    const late = await open(`/content/${GUID}/`, { Cookie: sticky })
    late.socket.send('late')
    expect(await late.next()).toBe(`${next.processId.slice(0, 8)} late`)
    for (const one of [late, other]) one.socket.close()
    await publish()
  })

  test('live on while the control plane is away', async () => {
    const shaken = await open(`/content/${GUID}/`)
    await stage.routes.kill()
    await until(() => stage.gateway.log.some((line) => line.includes('keeping the last routes')))
    shaken.socket.send('still here')
    expect(await shaken.next()).toContain('still here')
    const fresh = await open(`/content/${GUID}/`)
    fresh.socket.close()
    shaken.socket.close()
    await stage.routes.start()
    stage.routes.loads.length = 0
    await publish()
  })

  test('an offer of another protocol is not taken up', async () => {
    const socket = connect(stage.port, '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    socket.write(
      `GET /content/${GUID}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
    )
    await until(() => heard.includes('\r\n\r\npage'), 'the page')
    socket.destroy()
  })
})
