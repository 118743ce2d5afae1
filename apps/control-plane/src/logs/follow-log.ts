import { errorChain } from '@berth/domain/app-error.js'
import type { ChangeFeed } from '../events.js'
import { FOLLOW_LOG_COALESCE_MS, FOLLOW_LOG_PAGE_CHUNKS, LOG_LINE_BYTES_MAX } from '../limits.js'
import { createCoalescer } from '../nodes/coalescer.js'
import type { Sql } from '../platform/postgres.js'
import type { Log } from '../telemetry.js'
import { splitLogLines } from './split-log-lines.js'

export interface LogFollower {
  /** Passes on what is stored now, an unfinished last line included, and stops. */
  finish(): Promise<void>
  /** Stops without another word. */
  abandon(): void
}

/** Passes a process's complete lines on as they are stored, per stream in order, from the beginning. */
export function followLog(
  deps: { readonly sql: Sql; readonly feed: ChangeFeed; readonly log: Log },
  processId: string,
  onLines: (lines: readonly string[]) => Promise<void>,
): LogFollower {
  const next: Record<'stdout' | 'stderr', bigint> = { stdout: 0n, stderr: 0n }
  const rest: Record<'stdout' | 'stderr', Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
  const read = async (last: boolean): Promise<void> => {
    for (const stream of ['stdout', 'stderr'] as const) {
      let rows: { start_offset: bigint; data: Uint8Array | null; gap_bytes: bigint; at: Date }[]
      do {
        rows = await deps.sql`
          select start_offset, data, gap_bytes, at from process_log_chunks
          where process_id = ${processId} and stream = ${stream} and start_offset >= ${next[stream]}
          order by start_offset limit ${FOLLOW_LOG_PAGE_CHUNKS}`
        for (const row of rows) next[stream] = row.start_offset + BigInt(row.data?.length ?? 0) + row.gap_bytes
        const isEnd = last && rows.length < FOLLOW_LOG_PAGE_CHUNKS
        await passOn(stream, rows, isEnd)
      } while (rows.length === FOLLOW_LOG_PAGE_CHUNKS)
    }
  }
  const passOn = async (
    stream: 'stdout' | 'stderr',
    rows: readonly { readonly data: Uint8Array | null; readonly gap_bytes: bigint }[],
    isEnd: boolean,
  ): Promise<void> => {
    const bytes = Buffer.concat([
      rest[stream],
      ...rows.map((row) => row.data ?? Buffer.from(`\n[${row.gap_bytes} bytes of output were dropped here]\n`)),
    ])
    const lineEnd = bytes.lastIndexOf(0x0a) + 1
    // A line without an end in sight is passed on in pieces.
    const end = isEnd || bytes.length - lineEnd > LOG_LINE_BYTES_MAX ? bytes.length : lineEnd
    rest[stream] = Buffer.from(bytes.subarray(end))
    if (end === 0) return
    const chunk = { stream, data: bytes.subarray(0, end), gapBytes: 0n, at: new Date(0) }
    await onLines(splitLogLines([chunk], LOG_LINE_BYTES_MAX).map((line) => line.data))
  }
  let order: Promise<void> = Promise.resolve()
  const readInOrder = (last: boolean): Promise<void> => {
    const mine = order.then(() => read(last))
    order = mine.catch(() => {})
    return mine
  }
  const coalescer = createCoalescer(FOLLOW_LOG_COALESCE_MS, () =>
    readInOrder(false).catch((error: unknown) =>
      deps.log.warn({ process: processId, error: errorChain(error) }, 'a log could not be followed'),
    ),
  )
  const off = deps.feed.on('log_appended', processId, () => coalescer.trigger())
  coalescer.trigger()
  const abandon = (): void => {
    off()
    coalescer.stop()
  }
  return {
    async finish() {
      abandon()
      await readInOrder(true)
    },
    abandon,
  }
}
