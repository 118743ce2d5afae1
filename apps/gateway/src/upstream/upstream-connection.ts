import { connect, type Socket } from 'node:net'
import { type ResponseHead, ResponseReader } from './response-reader.js'

/** Why an exchange with a process ended without a complete answer. */
export type ExchangeFailure =
  /** Closed without a byte of the answer. */
  | { readonly kind: 'no_answer'; readonly cause: unknown }
  /** Not understood, or cut short. */
  | { readonly kind: 'bad_answer'; readonly cause: unknown }

/** Who receives the answer of the exchange that runs on a connection. */
export interface AnswerListener {
  onHead(head: ResponseHead): void
  onBody(chunk: Buffer): void
  onEnd(): void
  /** All of a chunk from the socket was read: write out what was gathered. */
  onFlush(): void
  /** The socket takes bytes of the request again. */
  onDrain(): void
  onFailure(failure: ExchangeFailure): void
}

const METHOD_HEAD = 'HEAD'

/** One connection to a process, for one exchange at a time. Created connected. */
export class UpstreamConnection {
  readonly socket: Socket
  /** It has carried an exchange before: the other side may have closed it just now. */
  reused = false
  idleSinceMs = 0
  readonly #reader: ResponseReader
  #listener: AnswerListener | undefined
  #error: unknown
  /** Ended, cut, or given up: nothing more may be sent. */
  #closed = false
  #paused = false
  #reading = false
  #releaseWhenRead = false
  #onIdle: (connection: UpstreamConnection) => void
  #onClosed: (connection: UpstreamConnection) => void

  constructor(
    socket: Socket,
    onIdle: (connection: UpstreamConnection) => void,
    onClosed: (connection: UpstreamConnection) => void,
  ) {
    this.socket = socket
    this.#onIdle = onIdle
    this.#onClosed = onClosed
    this.#reader = new ResponseReader({
      onHead: (head) => this.#listener?.onHead(head),
      onBody: (chunk) => this.#listener?.onBody(chunk),
      onEnd: () => this.#answered(),
    })
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => this.#listener?.onDrain())
    socket.on('error', (error) => {
      this.#error = error
      this.#closed = true
    })
    socket.on('end', () => this.#ended())
    socket.on('close', () => {
      this.#ended()
      this.#onClosed(this)
    })
  }

  get usable(): boolean {
    return !this.#closed
  }

  /** Back-pressure: the visitor takes no more at the moment. */
  pause(): void {
    this.#paused = true
    this.socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.socket.resume()
  }

  close(): void {
    this.#closed = true
    this.socket.destroy()
  }

  begin(method: string, listener: AnswerListener): void {
    this.#listener = listener
    this.#reader.begin({ head: method === METHOD_HEAD, upgrade: false })
  }

  /** The request was sent completely and the answer received: others may use the connection. */
  release(): void {
    this.#listener = undefined
    // Bytes behind the answer, in the chunk being read, must not become the next request's answer.
    if (this.#reading) {
      this.#releaseWhenRead = true
      return
    }
    if (this.#reader.reusable && this.usable) {
      this.reused = true
      this.resume()
      this.#onIdle(this)
    } else {
      this.close()
    }
  }

  abandon(): void {
    this.#listener = undefined
    this.close()
  }

  #answered(): void {
    this.#listener?.onEnd()
  }

  #read(chunk: Buffer): void {
    this.#reading = true
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.#reading = false
      this.#fail({ kind: 'bad_answer', cause: error })
      return
    }
    this.#reading = false
    if (this.#releaseWhenRead) {
      this.#releaseWhenRead = false
      this.release()
      return
    }
    this.#listener?.onFlush()
  }

  #ended(): void {
    this.#closed = true
    const untouched = this.#reader.untouched
    try {
      this.#reader.close()
    } catch (error) {
      this.#fail({ kind: untouched ? 'no_answer' : 'bad_answer', cause: this.#error ?? error })
    }
    this.#listener?.onFlush()
    if (this.#listener === undefined) this.socket.destroy()
  }

  #fail(failure: ExchangeFailure): void {
    const listener = this.#listener
    this.abandon()
    listener?.onFailure(failure)
  }
}

export type ConnectOutcome =
  | { readonly kind: 'connected'; readonly socket: Socket }
  /** ENOENT, ECONNREFUSED and the like: nobody listens; EAGAIN: the backlog is full; ETIMEDOUT. */
  | { readonly kind: 'refused'; readonly code: string }

/** Connects to a Unix socket. No byte is sent before it is connected, so a refusal can always be tried elsewhere. */
export function connectUnix(path: string, timeoutMs: number, done: (outcome: ConnectOutcome) => void): Socket {
  const socket = connect({ path, allowHalfOpen: true })
  const timer = setTimeout(() => finish({ kind: 'refused', code: 'ETIMEDOUT' }), timeoutMs)
  const onConnect = (): void => finish({ kind: 'connected', socket })
  const onError = (error: NodeJS.ErrnoException): void => finish({ kind: 'refused', code: error.code ?? 'EUNKNOWN' })
  function finish(outcome: ConnectOutcome): void {
    clearTimeout(timer)
    socket.off('connect', onConnect)
    socket.off('error', onError)
    if (outcome.kind === 'refused') {
      socket.on('error', () => {})
      socket.destroy()
    }
    done(outcome)
  }
  socket.once('connect', onConnect)
  socket.once('error', onError)
  return socket
}
