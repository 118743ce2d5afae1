import { open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LOG_CHUNK_BYTES_MAX } from '../limits.js'

export type LogStreamName = 'stdout' | 'stderr'

export type LogPiece =
  | { readonly kind: 'data'; readonly offset: bigint; readonly data: Buffer; readonly atMs: number }
  | { readonly kind: 'gap'; readonly offset: bigint; readonly bytes: bigint; readonly atMs: number }

interface Segment {
  readonly start: bigint
  readonly path: string
}

/**
 * Reads one stream of one process from the monitor's segments, by offset. A segment's name is the offset of its first byte; when the
 * one that should come next is gone, the monitor dropped it for want of space, and a gap says how many bytes.
 */
export class LogTail {
  readonly #dir: string
  readonly #stream: LogStreamName
  #next: bigint

  constructor(dir: string, stream: LogStreamName, from: bigint) {
    this.#dir = dir
    this.#stream = stream
    this.#next = from
  }

  get next(): bigint {
    return this.#next
  }

  /** Back to what is stored, after a connection was lost. */
  rewind(to: bigint): void {
    this.#next = to
  }

  /** The next piece, at most LOG_CHUNK_BYTES_MAX; undefined = nothing more has been written yet. */
  async read(): Promise<LogPiece | undefined> {
    const segments = await listSegments(this.#dir, this.#stream)
    const at = segments.findLast((one) => one.start <= this.#next)
    const after = segments.find((one) => one.start > this.#next)
    if (at !== undefined) {
      const piece = await this.#readFrom(at)
      if (piece !== undefined) return piece
    }
    if (after === undefined) return undefined
    // The segment we are in is at its end (or gone) and the next one begins later: what lies between was dropped.
    const bytes = after.start - this.#next
    const { mtimeMs } = await stat(after.path).catch(() => ({ mtimeMs: Date.now() }))
    const gap: LogPiece = { kind: 'gap', offset: this.#next, bytes, atMs: Math.round(mtimeMs) }
    this.#next = after.start
    return gap
  }

  /** Removes segments that are stored completely; never the last one, which the monitor may be writing. */
  async drop(storedTo: bigint): Promise<void> {
    const segments = await listSegments(this.#dir, this.#stream)
    for (const [index, segment] of segments.entries()) {
      const following = segments[index + 1]
      if (following === undefined || following.start > storedTo) return
      await unlink(segment.path).catch(() => undefined)
    }
  }

  async #readFrom(segment: Segment): Promise<LogPiece | undefined> {
    const handle = await open(segment.path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined // dropped since we listed it
      throw error
    })
    if (handle === undefined) return undefined
    try {
      const buffer = Buffer.allocUnsafe(LOG_CHUNK_BYTES_MAX)
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, Number(this.#next - segment.start))
      if (bytesRead === 0) return undefined
      const { mtimeMs } = await handle.stat()
      const piece: LogPiece = { kind: 'data', offset: this.#next, data: buffer.subarray(0, bytesRead), atMs: Math.round(mtimeMs) }
      this.#next += BigInt(bytesRead)
      return piece
    } finally {
      await handle.close()
    }
  }
}

async function listSegments(dir: string, stream: LogStreamName): Promise<Segment[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.startsWith(`${stream}.`) && /^\d{20}$/.test(name.slice(stream.length + 1)))
    .map((name) => ({ start: BigInt(name.slice(stream.length + 1)), path: join(dir, name) }))
    .sort((a, b) => (a.start < b.start ? -1 : 1))
}
