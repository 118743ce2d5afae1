import { hash } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WEBSOCKET_HANDSHAKE_TIMEOUT_MS } from './limits.js'
import { type ResponseHead, ResponseReader } from './upstream/response-reader.js'

export type HandshakeOutcome =
  /** Both sides speak WebSocket now. `rest`: what the process sent behind its 101. */
  | { readonly kind: 'switched'; readonly rest: Buffer }
  /** The process answered with something else; it was passed on and both sides end. */
  | { readonly kind: 'declined' }
  | { readonly kind: 'failed'; readonly begun: boolean; readonly cause: unknown }

export interface HandshakeAsk {
  readonly process: Socket
  readonly visitor: Duplex
  /** Request line and headers, complete. */
  readonly head: string
  /** Sec-WebSocket-Key of the visitor. */
  readonly key: string
  answerHeaders(head: ResponseHead): string[]
}

/** RFC 6455 4.2.2. */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Sends the upgrade and reads its answer. A 101 counts only when it proves that the process understood this request. */
export function shakeHands(ask: HandshakeAsk, done: (outcome: HandshakeOutcome) => void): void {
  const { process, visitor } = ask
  let begun = false
  let switched = false
  let settled = false
  const reader = new ResponseReader({
    onHead(head) {
      if (head.status === 101) {
        proveSwitch(head, ask.key)
        switched = true
        visitor.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines(ask, head)}\r\n`,
          'latin1',
        )
        return
      }
      begun = true
      const length = head.body === 'length' ? `Content-Length: ${head.length}\r\n` : ''
      const reason = head.reason === '' ? (STATUS_CODES[head.status] ?? '') : head.reason
      visitor.write(`HTTP/1.1 ${head.status} ${reason}\r\nConnection: close\r\n${length}${lines(ask, head)}\r\n`, 'latin1')
    },
    // Without a length the answer is read until we close, which follows.
    onBody(chunk) {
      if (visitor.write(chunk)) return
      process.pause()
      visitor.once('drain', () => process.resume())
    },
    onEnd() {
      visitor.end()
      process.destroy()
      settle({ kind: 'declined' })
    },
  })
  const timer = setTimeout(
    () => fail(new Error('the process did not answer the upgrade in time')),
    WEBSOCKET_HANDSHAKE_TIMEOUT_MS,
  )

  function settle(outcome: HandshakeOutcome): void {
    if (settled) return
    settled = true
    clearTimeout(timer)
    process.off('data', onData)
    process.off('end', onEnd)
    process.off('close', onEnd)
    visitor.off('close', onVisitorClose)
    done(outcome)
  }
  function fail(cause: unknown): void {
    process.destroy()
    if (begun) visitor.destroy()
    settle({ kind: 'failed', begun, cause })
  }
  function onData(chunk: Buffer): void {
    try {
      reader.push(chunk)
    } catch (error) {
      fail(error)
      return
    }
    if (switched) {
      process.pause()
      settle({ kind: 'switched', rest: reader.takeSwitched() })
    }
  }
  function onEnd(): void {
    try {
      reader.close()
    } catch (error) {
      fail(error)
    }
  }
  function onVisitorClose(): void {
    begun = true
    fail(new Error('the visitor went away'))
  }

  process.on('data', onData)
  process.on('end', onEnd)
  process.on('close', onEnd)
  process.on('error', () => {})
  visitor.on('close', onVisitorClose)
  reader.begin({ head: false, upgrade: true })
  process.write(ask.head, 'latin1')
}

function lines(ask: HandshakeAsk, head: ResponseHead): string {
  const headers = ask.answerHeaders(head)
  let out = ''
  for (let i = 0; i + 1 < headers.length; i += 2) out += `${headers[i]}: ${headers[i + 1]}\r\n`
  return out
}

function proveSwitch(head: ResponseHead, key: string): void {
  let upgrade = ''
  let accept = ''
  for (let i = 0; i + 1 < head.raw.length; i += 2) {
    const name = (head.raw[i] as string).toLowerCase()
    if (name === 'upgrade') upgrade = (head.raw[i + 1] as string).toLowerCase()
    if (name === 'sec-websocket-accept') accept = head.raw[i + 1] as string
  }
  if (upgrade !== 'websocket' || accept !== hash('sha1', key + MAGIC, 'base64')) {
    throw new Error('the answer to the upgrade does not prove that it was understood')
  }
}
