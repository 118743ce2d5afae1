import { LOG_LINE_BYTES_MAX } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { type LogLine, splitLogLines } from './split-log-lines.js'

/** The last maxLines lines of a process, oldest first. */
export async function readLog(sql: Sql, processId: string, maxLines: number): Promise<readonly LogLine[]> {
  const rows = await sql<{ stream: 'stdout' | 'stderr'; data: Uint8Array | null; gap_bytes: bigint; at: Date }[]>`
    select stream, data, gap_bytes, at from process_log_chunks where process_id = ${processId} order by stream, start_offset`
  const lines = splitLogLines(
    rows.map((row) => ({ stream: row.stream, data: row.data, gapBytes: row.gap_bytes, at: row.at })),
    LOG_LINE_BYTES_MAX,
  )
  return lines.slice(Math.max(0, lines.length - maxLines))
}
