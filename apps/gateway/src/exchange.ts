// Carries one request to a process (or to the control plane) and its answer back. Owns back-pressure both ways, the framing
// of the request's body, and who is told when one side goes away. Leaves to others which process it is, and
// what the headers say.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { DISCARDED_BODY_BYTES_MAX } from './limits.js'
import { endAfterTurn, writeAfterTurn } from './turn-writes.js'
import type { ConnectionPool } from './upstream/connection-pool.js'
import type { ResponseHead } from './upstream/response-reader.js'
import type { AnswerListener, ExchangeFailure, UpstreamConnection } from './upstream/upstream-connection.js'

export interface ExchangeAsk {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly pool: ConnectionPool
  /** Request line and header lines without framing, each with CRLF. Bytes as latin1. */
  readonly head: string
  readonly body: RequestBody
  /** Visitor sent Expect: 100-continue. */
  readonly awaitsContinue: boolean
  /** What the visitor gets of the answer's headers: names and values in turn, without framing. */
  answerHeaders(head: ResponseHead): string[]
}

export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly header: string }
  | { readonly kind: 'chunked' }

export type ExchangeOutcome =
  | { readonly kind: 'answered' }
  /** No byte was sent: another process may be asked. */
  | { readonly kind: 'gone'; readonly code: string }
  | { readonly kind: 'busy' }
  /** Nothing was sent to the visitor yet. */
  | { readonly kind: 'failed'; readonly failure: ExchangeFailure }
  /** The answer had begun: the visitor's connection was cut, so that nobody takes a part for the whole. */
  | { readonly kind: 'cut'; readonly cause: unknown }
  | { readonly kind: 'visitor_gone' }
  /** Silent too long. `begun`: the visitor's connection was cut. */
  | { readonly kind: 'silent'; readonly begun: boolean }

/** Methods that may be sent twice when a kept connection closes under them. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export class Exchange implements AnswerListener {
  /** Last byte in either direction; last byte from the visitor. Read by the sweep. */
  lastByteMs = Date.now()
  lastVisitorByteMs = this.lastByteMs
  readonly #ask: ExchangeAsk
  readonly #done: (outcome: ExchangeOutcome) => void
  #connection: UpstreamConnection | undefined
  #pendingHead: ResponseHead | undefined
  #pendingBody: Buffer | undefined
  #headSent = false
  #answerEnded = false
  #requestSent = false
  #settled = false
  #repeated = false

  constructor(ask: ExchangeAsk, done: (outcome: ExchangeOutcome) => void) {
    this.#ask = ask
    this.#done = done
  }

  /** The visitor still owes bytes of the request. */
  get awaitsVisitor(): boolean {
    return !this.#requestSent
  }

  start(): void {
    this.#ask.res.on('close', () => this.#onVisitorGone())
    this.#take(!this.#repeatable)
  }

  /** Nothing moved for too long. */
  giveUp(): void {
    const begun = this.#headSent
    this.#connection?.abandon()
    if (begun) this.#ask.res.destroy()
    this.#settle({ kind: 'silent', begun })
  }

  get #repeatable(): boolean {
    return this.#ask.body.kind === 'none' && REPEATABLE.has(this.#ask.req.method as string)
  }

  #take(fresh: boolean): void {
    this.#ask.pool.take(fresh, (outcome) => {
      if (outcome.kind !== 'connected') {
        this.#settle(outcome)
        return
      }
      if (this.#settled) {
        outcome.connection.abandon()
        return
      }
      this.#send(outcome.connection)
    })
  }

  #send(connection: UpstreamConnection): void {
    const { req, body, head } = this.#ask
    this.#connection = connection
    connection.begin(req.method as string, this)
    if (body.kind === 'none') {
      this.#requestSent = true
      writeAfterTurn(connection.socket, `${head}\r\n`)
      return
    }
    const framing = body.kind === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.header}`
    connection.socket.write(`${head}${framing}\r\n\r\n`, 'latin1')
    if (this.#ask.awaitsContinue) this.#ask.res.writeContinue()
    req.on('data', (chunk: Buffer) => this.#onRequestBody(chunk))
    req.on('end', () => this.#onRequestEnd())
  }

  #onRequestBody(chunk: Buffer): void {
    if (this.#settled) return
    const socket = this.#connection?.socket
    if (socket === undefined || chunk.length === 0) return
    this.lastVisitorByteMs = this.lastByteMs = Date.now()
    let room: boolean
    if (this.#ask.body.kind === 'chunked') {
      socket.cork()
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      room = socket.write('\r\n', 'latin1')
      socket.uncork()
    } else {
      room = socket.write(chunk)
    }
    if (!room) this.#ask.req.pause()
  }

  #onRequestEnd(): void {
    if (this.#settled) return
    this.#requestSent = true
    if (this.#ask.body.kind === 'chunked') this.#connection?.socket.write('0\r\n\r\n', 'latin1')
    if (this.#answerEnded) this.#finish()
  }

  onDrain(): void {
    if (!this.#requestSent) this.#ask.req.resume()
  }

  onHead(head: ResponseHead): void {
    this.#pendingHead = head
  }

  onBody(chunk: Buffer): void {
    const before = this.#pendingBody
    this.#pendingBody = chunk
    if (before !== undefined) this.#write(before)
  }

  /** Called before the chunk's flush: head, body and end of a small answer leave in one write. */
  onEnd(): void {
    const { res } = this.#ask
    const body = this.#pendingBody
    this.#pendingBody = undefined
    this.#answerEnded = true
    this.#sendHead(body?.length ?? 0)
    endAfterTurn(res, body)
    if (this.#requestSent) this.#finish()
  }

  onFlush(): void {
    if (this.#settled || this.#answerEnded) return
    this.lastByteMs = Date.now()
    const body = this.#pendingBody
    this.#pendingBody = undefined
    if (body !== undefined) this.#write(body)
    else if (this.#pendingHead !== undefined) {
      this.#sendHead(undefined)
      this.#ask.res.flushHeaders()
    }
  }

  onFailure(failure: ExchangeFailure): void {
    const { res } = this.#ask
    const reused = this.#connection?.reused === true
    this.#connection = undefined
    if (failure.kind === 'no_answer' && reused && this.#repeatable && !this.#repeated) {
      // Closed by the other side while idle, as it may: the request had no effect that a second one could double.
      this.#repeated = true
      this.#take(true)
      return
    }
    if (this.#answerEnded) {
      this.#settle({ kind: 'answered' })
      return
    }
    if (this.#headSent) {
      res.destroy()
      this.#settle({ kind: 'cut', cause: failure.cause })
      return
    }
    this.#settle({ kind: 'failed', failure })
  }

  #write(chunk: Buffer): void {
    this.#sendHead(undefined)
    if (this.#ask.res.write(chunk)) return
    const connection = this.#connection
    if (connection === undefined) return
    connection.pause()
    this.#ask.res.once('drain', () => {
      this.lastByteMs = Date.now()
      // The connection may serve somebody else by now, who has paused it.
      if (this.#connection === connection) connection.resume()
    })
  }

  /** @param total bytes of the whole body when it is all there */
  #sendHead(total: number | undefined): void {
    const head = this.#pendingHead
    if (head === undefined) return
    this.#pendingHead = undefined
    this.#headSent = true
    const { res, req } = this.#ask
    const headers = this.#ask.answerHeaders(head)
    if (head.body === 'none') {
      if (head.lengthHeader !== undefined && (req.method === 'HEAD' || head.status === 304)) {
        headers.push('Content-Length', head.lengthHeader)
      }
    } else if (head.body === 'length') {
      headers.push('Content-Length', head.lengthHeader as string)
    } else if (total !== undefined) {
      headers.push('Content-Length', String(total))
    }
    if (head.reason === '') res.writeHead(head.status, headers)
    else res.writeHead(head.status, head.reason, headers)
  }

  #finish(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.release()
    this.#settle({ kind: 'answered' })
  }

  #onVisitorGone(): void {
    if (this.#settled || this.#answerEnded) {
      // The answer was sent while the request still came; what is left of it is of no interest.
      if (!this.#settled) {
        this.#connection?.abandon()
        this.#settle({ kind: 'answered' })
      }
      return
    }
    this.#connection?.abandon()
    this.#settle({ kind: 'visitor_gone' })
  }

  #settle(outcome: ExchangeOutcome): void {
    if (this.#settled) return
    this.#settled = true
    const { req } = this.#ask
    if (outcome.kind !== 'gone' && outcome.kind !== 'busy') discardRest(req)
    this.#done(outcome)
  }
}

/** Reads and forgets what a visitor still sends, so that the answer can be read; ends the connection when it is too much. */
export function discardRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DISCARDED_BODY_BYTES_MAX) req.destroy()
  })
  req.resume()
}
