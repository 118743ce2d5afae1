import type { Duplex } from 'node:stream'
import { HALF_CLOSED_MS_MAX } from './limits.js'
import type { Watched } from './silence-sweep.js'

/**
 * Two sockets joined, after both sides agreed on a WebSocket. What one side does not take stays in the other's kernel
 * buffer: each socket is paused while its peer is full.
 */
export class WebSocketPipe implements Watched {
  lastByteMs = Date.now()
  lastVisitorByteMs = this.lastByteMs
  readonly awaitsVisitor = true
  readonly #visitor: Duplex
  readonly #process: Duplex
  readonly #onClosed: () => void
  #halfClosed: NodeJS.Timeout | undefined
  #closed = false

  constructor(visitor: Duplex, process: Duplex, onClosed: () => void) {
    this.#visitor = visitor
    this.#process = process
    this.#onClosed = onClosed
  }

  start(): void {
    this.#join(this.#visitor, this.#process, () => {
      this.lastVisitorByteMs = this.lastByteMs = Date.now()
    })
    this.#join(this.#process, this.#visitor, () => {
      this.lastByteMs = Date.now()
    })
  }

  giveUp(): void {
    this.#visitor.destroy()
    this.#process.destroy()
    this.#end()
  }

  #join(from: Duplex, to: Duplex, onBytes: () => void): void {
    from.on('data', (chunk: Buffer) => {
      onBytes()
      if (to.destroyed || to.writableEnded) return
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
    from.on('end', () => {
      to.end()
      // A side that never closes would keep its process from ever being idle.
      this.#halfClosed ??= setTimeout(() => this.giveUp(), HALF_CLOSED_MS_MAX)
    })
    from.on('error', () => {})
    from.on('close', () => {
      // Cut, not ended: the other side hears the same. After an orderly end what is on its way may still leave.
      if (!from.readableEnded) to.destroy()
      if (this.#visitor.destroyed && this.#process.destroyed) this.#end()
    })
    from.resume()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#halfClosed)
    this.#onClosed()
  }
}
