import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage, until } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'
const MIB = 1024 * 1024

describe('bodies pass as they come', () => {
  let stage: GatewayStage
  let sent = 0
  let aborted = 0
  let slow = false
  let took = 0
  beforeAll(async () => {
    stage = await GatewayStage.start()
    const app = await stage.process((req, res) => {
      res.on('close', () => {
        if (!res.writableFinished) aborted += 1
      })
      if (req.url === '/endless') {
        const chunk = Buffer.alloc(65_536, 1)
        const more = (): void => {
          while (!res.destroyed) {
            sent += chunk.length
            if (!res.write(chunk)) break
          }
        }
        res.on('drain', more)
        more()
        return
      }
      if (req.url === '/early') {
        res.writeHead(413, { 'Content-Length': 9 })
        res.end('too large')
        return
      }
      if (req.url === '/first-then-second') {
        res.write('first')
        req.on('data', () => res.end('second'))
        return
      }
      const hash = createHash('sha256')
      req.on('data', (chunk: Buffer) => {
        took += chunk.length
        hash.update(chunk)
        if (slow) req.pause()
      })
      req.on('end', () => res.end(hash.digest('hex')))
    })
    stage.routes.publish([contentRoute(GUID, { processes: [app] })])
    await stage.inForce()
  })
  afterAll(() => stage.stop())

  test('whole, in both framings', async () => {
    const body = Buffer.alloc(20 * MIB)
    for (let i = 0; i < body.length; i += 1) body[i] = (i * 31) % 251
    const wanted = createHash('sha256').update(body).digest('hex')
    for (const chunked of [false, true]) {
      const answer = await ask(stage.port, `/content/${GUID}/`, { method: 'POST', body, chunked })
      expect(answer.body).toBe(wanted)
    }
  })

  test('no faster than the visitor takes them, and not at all when he leaves', async () => {
    const socket = connect(stage.port, '127.0.0.1')
    socket.pause()
    socket.write(`GET /content/${GUID}/endless HTTP/1.1\r\nHost: x\r\n\r\n`)
    let before = -1
    await until(async () => {
      const still = sent > 0 && sent === before
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 200))
      return still
    }, 'the application to be held back')
    expect(sent).toBeLessThan(40 * MIB)
    socket.destroy()
    await until(() => aborted === 1)
  })

  test('no faster than the application takes them', async () => {
    slow = true
    took = 0
    const req = request({ host: '127.0.0.1', port: stage.port, path: `/content/${GUID}/`, method: 'POST', agent: false })
    req.on('error', () => {})
    let given = 0
    const chunk = Buffer.alloc(65_536, 1)
    const more = (): void => {
      while (given < 200 * MIB) {
        given += chunk.length
        if (!req.write(chunk)) break
      }
    }
    req.on('drain', more)
    more()
    await until(() => took > 0)
    let before = -1
    await until(async () => {
      const still = given === before
      before = given
      await new Promise((resolve) => setTimeout(resolve, 200))
      return still
    }, 'the visitor to be held back')
    expect(given).toBeLessThan(40 * MIB)
    req.destroy()
    slow = false
  })

  test('an answer may begin before the request has ended', async () => {
    const heard: string[] = []
    const req = request({
      host: '127.0.0.1',
      port: stage.port,
      path: `/content/${GUID}/first-then-second`,
      method: 'POST',
      agent: false,
    })
    req.on('response', (res) => res.on('data', (chunk: Buffer) => heard.push(chunk.toString())))
    req.flushHeaders()
    req.write('')
    await until(() => heard.join('') === 'first')
    req.write('go')
    await until(() => heard.join('') === 'firstsecond')
    req.end()
  })

  test('an answer that makes the rest of a request needless reaches its sender', async () => {
    const answer = await ask(stage.port, `/content/${GUID}/early`, { method: 'POST', body: Buffer.alloc(5 * MIB), chunked: true })
    expect([answer.status, answer.body]).toEqual([413, 'too large'])
  })

  test('a sender that asks first is told to go on', async () => {
    const body = await new Promise<string>((resolve, reject) => {
      const headers = { Expect: '100-continue', 'Content-Length': '4' }
      const req = request({
        host: '127.0.0.1',
        port: stage.port,
        path: `/content/${GUID}/`,
        method: 'POST',
        headers,
        agent: false,
      })
      req.on('error', reject)
      req.on('continue', () => req.end('body'))
      req.on('response', (res) => {
        let text = ''
        res.on('data', (chunk: Buffer) => {
          text += chunk
        })
        res.on('end', () => resolve(text))
      })
      req.flushHeaders()
    })
    expect(body).toBe(createHash('sha256').update('body').digest('hex'))
  })
})
