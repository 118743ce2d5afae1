import { LOG_LINE_BYTES_MAX, LOG_READ_PAGE_CHUNKS } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { createLineSplitter, type LogChunk, type LogLine } from './split-log-lines.js'

/**
 * Every line that is stored of a process, oldest first, in batches, however long the log is: two cursors, one per stream in order of
 * offset, of which the chunk with the earlier time goes next. A page of each stream is in memory, no more.
 */
export async function* wholeLog(sql: Sql, processId: string): AsyncGenerator<readonly LogLine[]> {
  const streams = await Promise.all(
    (['stdout', 'stderr'] as const).map(async (stream) => {
      const chunks = chunksOf(sql, processId, stream)
      return { chunks, splitter: createLineSplitter(stream, LOG_LINE_BYTES_MAX), head: await chunks.next() }
    }),
  )
  for (;;) {
    let next: (typeof streams)[number] | undefined
    for (const stream of streams) {
      if (stream.head.done === true) continue
      if (next === undefined || next.head.done === true || stream.head.value.at < next.head.value.at) next = stream
    }
    if (next === undefined || next.head.done === true) break
    yield next.splitter.push(next.head.value)
    next.head = await next.chunks.next()
  }
  for (const { splitter } of streams) yield splitter.end()
}

async function* chunksOf(sql: Sql, processId: string, stream: LogChunk['stream']): AsyncGenerator<LogChunk, undefined> {
  for (let after = -1n; ; ) {
    const rows: { start_offset: bigint; data: Uint8Array | null; gap_bytes: bigint; at: Date }[] = await sql`
      select start_offset, data, gap_bytes, at from process_log_chunks
      where process_id = ${processId} and stream = ${stream} and start_offset > ${after}
      order by start_offset limit ${LOG_READ_PAGE_CHUNKS}`
    for (const row of rows) {
      yield { stream, data: row.data, gapBytes: row.gap_bytes, at: row.at }
      after = row.start_offset
    }
    if (rows.length < LOG_READ_PAGE_CHUNKS) return undefined
  }
}
