import { type LogAck, type LogBatch, type LogChunk, LogServiceClient, LogStream } from '@berth/protocol/gen/berth/agent/v1/log.js'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import type { AgentEvents } from '../events.js'
import { LOG_BATCH_CHUNKS_MAX, LOG_LINGER_MS, LOG_WINDOW_BYTES } from '../limits.js'
import { pause, reconnectDelayMs } from './backoff.js'
import type { Channel } from './channel.js'
import { type LogPiece, type LogStreamName, LogTail } from './log-tail.js'

/*
 * Sends what processes write, by byte offset, over a connection of its own.
 *
 * Promises that every byte is sent until it is acknowledged, at most LOG_WINDOW_BYTES ahead of that, and that segments go only
 * when they are stored. Content never waits for it: without a connection the monitors' segments wait, bounded by the monitor.
 */

/** What the sender needs of a run directory. */
export interface LogSource {
  readonly id: string
  readonly path: string
  readonly acked: { readonly stdout: bigint; readonly stderr: bigint }
  acknowledge(some: { stdout?: bigint; stderr?: bigint }): void
  writeAcked(): Promise<void>
}

interface Tailed {
  readonly source: LogSource
  readonly tails: Readonly<Record<LogStreamName, LogTail>>
}

const STREAMS = ['stdout', 'stderr'] as const

export class LogSender {
  readonly #channel: () => Channel
  readonly #events: AgentEvents
  readonly #onStored: (id: string) => void
  readonly #tailed = new Map<string, Tailed>()
  readonly #dirty = new Set<string>()
  #stream: ClientDuplexStream<LogBatch, LogAck> | undefined
  #pumping = false
  #lingering: NodeJS.Timeout | undefined

  constructor(channel: () => Channel, onStored: (id: string) => void, events: AgentEvents) {
    this.#channel = channel
    this.#onStored = onStored
    this.#events = events
  }

  add(source: LogSource): void {
    const tails = {
      stdout: new LogTail(source.path, 'stdout', source.acked.stdout),
      stderr: new LogTail(source.path, 'stderr', source.acked.stderr),
    }
    this.#tailed.set(source.id, { source, tails })
    this.wake(source.id)
  }

  remove(id: string): void {
    this.#tailed.delete(id)
    this.#dirty.delete(id)
  }

  /**
   * The process has written something. Sent a moment later, with what it writes meanwhile: lines that come one by one while content
   * starts would otherwise take the processor from the very start that they tell of.
   */
  wake(id: string): void {
    this.#dirty.add(id)
    this.#lingering ??= setTimeout(() => {
      this.#lingering = undefined
      void this.#pump()
    }, LOG_LINGER_MS)
  }

  /** Until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.reconnect(), { once: true })
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        if (await this.#connection()) attempt = 0
      } catch (error) {
        this.#events.failed('no connection for logs could be begun', error)
      }
      await pause(reconnectDelayMs(attempt + 1, Math.random()), signal)
    }
  }

  /** One connection until it breaks; returns whether anything was acknowledged on it. */
  async #connection(): Promise<boolean> {
    const client = this.#connect()
    try {
      return await this.#acks()
    } finally {
      this.#stream = undefined
      client.close()
    }
  }

  reconnect(): void {
    this.#stream?.cancel()
  }

  #connect(): LogServiceClient {
    const channel = this.#channel()
    const client = new LogServiceClient(channel.target, channel.credentials, channel.options)
    for (const { source, tails } of this.#tailed.values()) {
      for (const name of STREAMS) tails[name].rewind(source.acked[name])
      this.#dirty.add(source.id)
    }
    this.#stream = client.push()
    return client
  }

  /** Takes acknowledgements until the stream ends; returns whether there were any. */
  #acks(): Promise<boolean> {
    return new Promise((resolve) => {
      const stream = this.#stream
      if (stream === undefined) return resolve(false)
      let any = false
      stream.on('data', (ack: LogAck) => {
        any = true
        for (const { processId, stream: which, offset } of ack.stored) this.#stored(processId, which, offset)
        void this.#pump()
      })
      stream.on('drain', () => void this.#pump())
      stream.on('error', () => resolve(any))
      stream.on('end', () => resolve(any))
      void this.#pump()
    })
  }

  #stored(id: string, which: LogStream, offset: bigint): void {
    const tailed = this.#tailed.get(id)
    if (tailed === undefined) return
    const name = which === LogStream.STDERR ? 'stderr' : 'stdout'
    const { source, tails } = tailed
    const before = source.acked[name]
    source.acknowledge({ [name]: offset })
    // What the control plane had from before a crash of ours is ahead of what we were about to send.
    if (offset > tails[name].next) tails[name].rewind(offset)
    if (offset > before) {
      // Positions first: a segment that is gone and not known as stored would look like a gap.
      source
        .writeAcked()
        .then(() => tails[name].drop(offset))
        .catch((error: unknown) => this.#events.failed('log positions could not be kept', error, { process: id }))
    }
    this.#dirty.add(id)
    this.#onStored(id)
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#stream !== undefined && !this.#stream.writableNeedDrain && this.#dirty.size > 0) {
        const stream = this.#stream
        const chunks = await this.#nextChunks()
        if (chunks === 'window full') return
        if (chunks.length === 0) continue
        if (stream === this.#stream && stream.writable) stream.write({ chunks })
      }
    } catch (error) {
      this.#events.failed('log could not be read', error)
      this.reconnect()
    } finally {
      this.#pumping = false
    }
  }

  async #nextChunks(): Promise<LogChunk[] | 'window full'> {
    const chunks: LogChunk[] = []
    let room = LOG_WINDOW_BYTES - this.#inFlight()
    for (const id of [...this.#dirty]) {
      const tailed = this.#tailed.get(id)
      this.#dirty.delete(id)
      if (tailed === undefined) continue
      for (const name of STREAMS) {
        if (room <= 0 || chunks.length >= LOG_BATCH_CHUNKS_MAX) {
          this.#dirty.add(id)
          return chunks.length === 0 ? 'window full' : chunks
        }
        const piece = await tailed.tails[name].read()
        if (piece === undefined) continue
        this.#dirty.add(id)
        chunks.push(chunkOf(id, name, piece))
        if (piece.kind === 'data') room -= piece.data.length
      }
    }
    return chunks
  }

  /** Sent and not acknowledged. Gaps count as nothing. */
  #inFlight(): number {
    let bytes = 0n
    for (const { source, tails } of this.#tailed.values()) {
      for (const name of STREAMS) bytes += tails[name].next - source.acked[name]
    }
    return Number(bytes)
  }
}

function chunkOf(processId: string, name: LogStreamName, piece: LogPiece): LogChunk {
  const common = {
    processId,
    stream: name === 'stderr' ? LogStream.STDERR : LogStream.STDOUT,
    offset: piece.offset,
    atMs: BigInt(piece.atMs),
  }
  if (piece.kind === 'gap') return { ...common, data: Buffer.alloc(0), gapBytes: piece.bytes }
  return { ...common, data: piece.data, gapBytes: 0n }
}
