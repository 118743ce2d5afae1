import type { ContentGuid, TaskId, UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'

export interface TaskRow {
  readonly id: TaskId
  readonly kind: string
  readonly userGuid: UserGuid | null
  readonly contentGuid: ContentGuid | null
  readonly lineCount: number
  readonly finished: boolean
  readonly code: number
  readonly error: string
  readonly result: { readonly type: string; readonly data: unknown } | null
}

export async function insertTask(
  tx: Tx,
  task: Pick<TaskRow, 'id' | 'kind' | 'userGuid' | 'contentGuid'> & { readonly traceparent: string | null },
): Promise<void> {
  await tx`
    insert into tasks (id, kind, user_guid, content_guid, traceparent)
    values (${task.id}, ${task.kind}, ${task.userGuid}, ${task.contentGuid}, ${task.traceparent})`
}

export async function findTask(sql: Sql, id: string): Promise<TaskRow | undefined> {
  return (
    await sql<TaskRow[]>`
      select id, kind, user_guid as "userGuid", content_guid as "contentGuid", line_count as "lineCount", finished, code, error, result
      from tasks where id = ${id}`
  )[0]
}

export async function readLines(sql: Sql, id: TaskId, first: number): Promise<string[]> {
  const rows = await sql<{ text: string }[]>`select text from task_lines where task_id = ${id} and line >= ${first} order by line`
  return rows.map((row) => row.text)
}

/** The row's lock numbers the lines of several writers one after the other. Returns how many lines there were. */
export async function lockLineCount(tx: Tx, id: TaskId): Promise<{ lineCount: number; finished: boolean } | undefined> {
  return (
    await tx<
      { lineCount: number; finished: boolean }[]
    >`select line_count as "lineCount", finished from tasks where id = ${id} for update`
  )[0]
}

export async function insertLines(tx: Tx, id: TaskId, from: number, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  await tx`insert into task_lines ${tx(lines.map((text, index) => ({ task_id: id, line: from + index, text })))}`
  await tx`update tasks set line_count = ${from + lines.length} where id = ${id}`
}

export async function finishTask(tx: Tx, id: TaskId, end: Pick<TaskRow, 'code' | 'error' | 'result'>): Promise<void> {
  await tx`
    update tasks set finished = true, code = ${end.code}, error = ${end.error},
      result = ${end.result === null ? null : tx.json(end.result as never)}, finished_time = now()
    where id = ${id} and not finished`
}

export async function notifyTask(tx: Tx, id: TaskId): Promise<void> {
  await tx`select pg_notify('task_changed', ${id})`
}
