import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage, until } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'

describe('an application that does not speak HTTP well', () => {
  let stage: GatewayStage
  let say: (socket: Socket) => void
  let connections = 0
  let requests: string[] = []

  beforeAll(async () => {
    stage = await GatewayStage.start()
    const app = await stage.rawProcess((socket) => {
      connections += 1
      socket.on('data', (chunk: Buffer) => {
        requests.push(chunk.toString('latin1'))
        say(socket)
      })
    })
    stage.routes.publish([contentRoute(GUID, { processes: [app], connectionTimeoutMs: 1_500 })])
    await stage.inForce()
  })
  afterAll(() => stage.stop())

  const get = (how: Parameters<typeof ask>[2] = {}) => {
    requests = []
    return ask(stage.port, `/content/${GUID}/`, how)
  }

  test.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy'],
    ['length with chunked', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['bare line breaks', 'HTTP/1.1 200 OK\nContent-Length: 1\n\nx'],
    ['an oversized head', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a switch nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ])('gets its visitors 502 for %s', async (_name, bytes) => {
    say = (socket) => socket.write(bytes, 'latin1')
    const answer = await get()
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([502, 1])
  })

  test('gets them 502 when it closes without an answer, and is asked only once what must not be done twice', async () => {
    say = (socket) => socket.destroy()
    expect((await get()).status).toBe(502)
    expect((await get({ method: 'POST', body: 'pay' })).status).toBe(502)
    expect(requests).toHaveLength(1)
  })

  test('cannot put its answer in place of the next one', async () => {
    const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
    say = (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${evil}`)
    expect((await get()).body).toBe('ok')
    say = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')
    expect((await get()).body).toBe('good')
    // Sent while the connection was idle.
    say = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      setImmediate(() => socket.write(evil))
    }
    const before = connections
    expect((await get()).body).toBe('ok')
    say = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')
    expect((await get()).body).toBe('good')
    expect(connections).toBeGreaterThan(before)
  })

  test('that cuts an answer short cuts the visitor’s connection, so that a part is not taken for the whole', async () => {
    for (const framing of ['Content-Length: 100\r\n\r\npart', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n']) {
      say = (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${framing}`)
        socket.end()
      }
      await expect(get()).rejects.toThrow()
    }
  })

  test('may close a kept connection under a GET: it is asked again on a new one', async () => {
    say = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    expect((await get()).body).toBe('ok')
    let asked = 0
    say = (socket) => {
      asked += 1
      if (asked === 1) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain')
    }
    expect((await get()).body).toBe('again')
    expect(asked).toBe(2)
  })

  test('may end its answers with the connection, leave out reasons, send informational ones first', async () => {
    say = (socket) => socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end')
    expect((await get()).body).toBe('until the end')
    say = (socket) =>
      socket.write(
        'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: r\r\n\r\n',
      )
    const answer = await get()
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([201, 'ok', '2'])
    say = (socket) => socket.write('HTTP/1.1 204 No Content\r\nX: y\r\n\r\n')
    expect((await get()).status).toBe(204)
    say = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n')
    const head = await get({ method: 'HEAD' })
    expect([head.status, head.headers['content-length']]).toEqual([200, '999'])
  })

  test('that says nothing gets its visitors 504 after the connection timeout', async () => {
    say = () => {}
    expect((await get()).status).toBe(504)
  })

  test('hears requests framed by us: what a stranger hid in a body stays in it', async () => {
    say = (socket) => {
      const heard = requests.join('')
      if (heard.endsWith('\r\n0\r\n\r\n') || (heard.includes('Content-Length') && heard.endsWith('Host: x\r\n\r\n'))) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      }
    }
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n'
    expect((await get({ method: 'POST', body: smuggled })).body).toBe('ok')
    const seen = requests.join('')
    expect(seen).toMatch(new RegExp(`Content-Length: ${smuggled.length}\r\n\r\nGET /admin`))
    expect(seen.match(/content-length/gi)).toHaveLength(1)
    expect((await get({ method: 'POST', body: smuggled, chunked: true })).body).toBe('ok')
    expect(requests.join('')).toMatch(/Transfer-Encoding: chunked\r\n\r\n[0-9a-f]+\r\nGET \/admin/)
    expect(requests.join('').match(/transfer-encoding/gi)).toHaveLength(1)
  })

  test.each([
    ['length with chunked', 'POST /X HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'POST /X HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd'],
    ['a blank before the colon', 'GET /X HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n'],
    ['two hosts', 'GET /X HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ['a folded header', 'GET /X HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
  ])('never hears a request with %s', async (_name, text) => {
    requests = []
    const socket = connect(stage.port, '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    socket.write(text.replace('/X', `/content/${GUID}/`), 'latin1')
    await until(() => heard.startsWith('HTTP/1.1 400'), 'a refusal')
    socket.destroy()
    expect(requests).toHaveLength(0)
  })
})
