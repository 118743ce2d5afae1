import { isUuid } from '@berth/domain/ids.js'
import { type LogBatch, type LogPosition, LogStream } from '@berth/protocol/gen/berth/agent/v1/log.js'
import { LOG_CHUNK_BYTES_MAX, LOG_STREAM_BYTES_MAX } from '../limits.js'
import type { Sql, Tx } from '../platform/postgres.js'

export interface AppendedLog {
  /** Everything before these offsets is committed. */
  readonly stored: readonly LogPosition[]
  readonly bytes: number
  readonly droppedBytes: number
}

interface Cursor {
  readonly processId: string
  readonly stream: 'stdout' | 'stderr'
  next: bigint
}

interface Row {
  readonly process_id: string
  readonly stream: 'stdout' | 'stderr'
  readonly start_offset: bigint
  readonly data: Buffer | null
  readonly gap_bytes: bigint
  readonly at: Date
}

/**
 * Stores a batch of one node; the caller acknowledges after it returns. Every byte is stored once: what was stored before is cut off
 * by offset, whatever the boundaries of the chunks that carry it. A chunk that starts later than expected is not stored, and the
 * answer says from where to send again. Beyond LOG_STREAM_BYTES_MAX the oldest chunks of the stream become one gap.
 */
export async function appendLog(sql: Sql, nodeId: string, batch: LogBatch): Promise<AppendedLog> {
  const wanted = batch.chunks.filter((chunk) => isUuid(chunk.processId))
  const ids = [...new Set(wanted.map((chunk) => chunk.processId))]
  return sql.begin(async (tx): Promise<AppendedLog> => {
    // Two streams of one node (an agent that restarted) must not both read the end and then write behind it.
    await tx`select pg_advisory_xact_lock(hashtextextended(${nodeId}, 1))`
    const known = new Set(
      (
        await tx<{ id: string }[]>`select id from processes where id = any(${ids}::uuid[]) and node_id = ${nodeId} for key share`
      ).map((row) => row.id),
    )
    const cursors = await readCursors(tx, [...known])
    const foreign = new Map<string, LogPosition>()
    const rows: Row[] = []
    const touched = new Map<string, Cursor>()
    for (const chunk of wanted) {
      const stream = chunk.stream === LogStream.STDERR ? 'stderr' : 'stdout'
      const key = `${chunk.processId} ${stream}`
      const end = chunk.offset + (chunk.gapBytes > 0n ? chunk.gapBytes : BigInt(chunk.data.length))
      if (!known.has(chunk.processId)) {
        // Deleted with its content: the agent may let go of it.
        foreign.set(key, { processId: chunk.processId, stream: chunk.stream, offset: end })
        continue
      }
      const cursor = cursors.get(key) ?? { processId: chunk.processId, stream, next: 0n }
      cursors.set(key, cursor)
      touched.set(key, cursor)
      if (chunk.offset > cursor.next || end <= cursor.next) continue
      const skip = cursor.next - chunk.offset
      const at = new Date(Math.min(Number(chunk.atMs) || Date.now(), Date.now()))
      const base = { process_id: chunk.processId, stream, at } as const
      if (chunk.gapBytes > 0n) {
        rows.push({ ...base, start_offset: cursor.next, data: null, gap_bytes: end - cursor.next })
        cursor.next = end
        continue
      }
      const data = Buffer.from(chunk.data.buffer, chunk.data.byteOffset + Number(skip), chunk.data.length - Number(skip))
      for (let from = 0; from < data.length; from += LOG_CHUNK_BYTES_MAX) {
        const part = data.subarray(from, from + LOG_CHUNK_BYTES_MAX)
        rows.push({ ...base, start_offset: cursor.next, data: part, gap_bytes: 0n })
        cursor.next += BigInt(part.length)
      }
    }
    if (rows.length > 0)
      await tx`insert into process_log_chunks ${tx(rows as never, 'process_id', 'stream', 'start_offset', 'data', 'gap_bytes', 'at')}`
    let droppedBytes = 0
    for (const cursor of touched.values()) droppedBytes += await dropBeyondLimit(tx, cursor)
    const stored = [...touched.values()].map((cursor) => ({
      processId: cursor.processId,
      stream: cursor.stream === 'stderr' ? LogStream.STDERR : LogStream.STDOUT,
      offset: cursor.next,
    }))
    return {
      stored: [...stored, ...foreign.values()],
      bytes: rows.reduce((sum, row) => sum + (row.data?.length ?? 0), 0),
      droppedBytes,
    }
  })
}

async function readCursors(tx: Tx, ids: readonly string[]): Promise<Map<string, Cursor>> {
  const rows = await tx<{ process_id: string; stream: 'stdout' | 'stderr'; next: bigint }[]>`
    select distinct on (process_id, stream) process_id, stream, start_offset + coalesce(length(data), 0) + gap_bytes as next
    from process_log_chunks where process_id = any(${[...ids]}::uuid[])
    order by process_id, stream, start_offset desc`
  return new Map(
    rows.map((row) => [`${row.process_id} ${row.stream}`, { processId: row.process_id, stream: row.stream, next: row.next }]),
  )
}

/** Returns the bytes that went. The gap stands at offset 0 and grows: one row, however much is dropped. */
async function dropBeyondLimit(tx: Tx, cursor: Cursor): Promise<number> {
  const keepFrom = cursor.next - BigInt(LOG_STREAM_BYTES_MAX)
  if (keepFrom <= 0n) return 0
  const [cut] = await tx<{ cut: bigint | null; dropped: bigint | null }[]>`
    select max(start_offset + length(data)) as cut, sum(length(data))::int8 as dropped from process_log_chunks
    where process_id = ${cursor.processId} and stream = ${cursor.stream} and data is not null and start_offset + length(data) <= ${keepFrom}`
  if (cut?.cut == null) return 0
  await tx`delete from process_log_chunks where process_id = ${cursor.processId} and stream = ${cursor.stream} and start_offset < ${cut.cut}`
  await tx`
    insert into process_log_chunks (process_id, stream, start_offset, data, gap_bytes, at)
    values (${cursor.processId}, ${cursor.stream}, 0, null, ${cut.cut}, now())`
  return Number(cut.dropped ?? 0n)
}
