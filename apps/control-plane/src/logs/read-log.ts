import { LOG_LINE_BYTES_MAX, LOG_READ_PAGE_CHUNKS, LOG_READ_PAGE_CHUNKS_MAX } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { type LogChunk, type LogLine, splitLogLines } from './split-log-lines.js'
import { startOfLastLines } from './start-of-last-lines.js'

/**
 * The last maxLines lines of a process, oldest first. Reads backwards and no further than that: a log full of line ends would otherwise
 * become millions of lines in memory.
 */
export async function readLog(sql: Sql, processId: string, maxLines: number): Promise<readonly LogLine[]> {
  const chunks: LogChunk[] = []
  for (const stream of ['stdout', 'stderr'] as const) chunks.push(...(await readTail(sql, processId, stream, maxLines)))
  const lines = splitLogLines(chunks, LOG_LINE_BYTES_MAX)
  return lines.slice(Math.max(0, lines.length - maxLines))
}

/** Chunks of one stream, in order of offset, that hold its last maxLines lines and at most one more. */
async function readTail(sql: Sql, processId: string, stream: 'stdout' | 'stderr', maxLines: number): Promise<LogChunk[]> {
  const backwards: LogChunk[] = []
  let wanted = maxLines
  let before: bigint | null = null
  for (let page = LOG_READ_PAGE_CHUNKS; ; page = Math.min(page * 4, LOG_READ_PAGE_CHUNKS_MAX)) {
    const rows: { start_offset: bigint; data: Uint8Array | null; gap_bytes: bigint; at: Date }[] = await sql`
      select start_offset, data, gap_bytes, at from process_log_chunks
      where process_id = ${processId} and stream = ${stream} and (${before}::int8 is null or start_offset < ${before})
      order by start_offset desc limit ${page}`
    for (const row of rows) {
      const tail = row.data === null ? undefined : startOfLastLines(row.data, wanted)
      const data = row.data === null || tail === undefined ? null : row.data.subarray(tail.from)
      backwards.push({ stream, data, gapBytes: row.gap_bytes, at: row.at })
      wanted -= tail?.lineEnds ?? 1
      if (wanted < 0) return backwards.reverse()
      before = row.start_offset
    }
    if (rows.length < page) return backwards.reverse()
  }
}
