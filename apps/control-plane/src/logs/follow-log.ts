import { errorChain } from '@berth/domain/app-error.js'
import type { ChangeFeed } from '../events.js'
import { FOLLOW_LOG_COALESCE_MS, LOG_LINE_BYTES_MAX } from '../limits.js'
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
    const lines: string[] = []
    for (const stream of ['stdout', 'stderr'] as const) {
      const rows = await deps.sql<{ start_offset: bigint; data: Uint8Array | null; gap_bytes: bigint; at: Date }[]>`
        select start_offset, data, gap_bytes, at from process_log_chunks
        where process_id = ${processId} and stream = ${stream} and start_offset >= ${next[stream]} order by start_offset`
      for (const row of rows) next[stream] = row.start_offset + BigInt(row.data?.length ?? 0) + row.gap_bytes
      const bytes = Buffer.concat([
        rest[stream],
        ...rows.map((row) => row.data ?? Buffer.from(`\n[${row.gap_bytes} bytes of output were dropped here]\n`)),
      ])
      const end = last ? bytes.length : bytes.lastIndexOf(0x0a) + 1
      rest[stream] = Buffer.from(bytes.subarray(end))
      const chunk = { stream, data: bytes.subarray(0, end), gapBytes: 0n, at: new Date(0) }
      lines.push(...splitLogLines([chunk], LOG_LINE_BYTES_MAX).map((line) => line.data))
    }
    if (lines.length > 0) await onLines(lines)
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
