// Tasks: what a client polls while something longer happens: lines for people, then an end.
// Promises that lines are numbered without gaps, that a finished task stays readable and never changes again, and that
// NOTIFY task_changed follows each change in the same transaction.
// Leaves to others: what the task stands for (deployments decide when theirs ends).
import { AppError } from '@berth/domain/app-error.js'
import type { ContentGuid, TaskId, UserGuid } from '@berth/domain/ids.js'
import { decideTaskPoll, type TaskPoll } from '@berth/domain/task/decide-task-poll.js'
import type { ChangeFeed } from '../events.js'
import { WAIT_RECHECK_MS } from '../limits.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { randomKey } from '../random-key.js'
import { TASK_LINE_BYTES_MAX, TASK_LINES_MAX, TASK_WAIT_MAX_MS, TASK_WAITERS_MAX } from '../rest-limits.js'
import { waitForChange } from '../wait-for-change.js'
import {
  findTask,
  finishTask,
  insertLines,
  insertTask,
  lockLineCount,
  notifyTask,
  readLines,
  type TaskRow,
} from './task.store.js'

export type TaskEnd =
  | { readonly kind: 'succeeded'; readonly result?: { readonly type: string; readonly data: unknown } }
  /** error: one line; clients show it and nothing else. */
  | { readonly kind: 'failed'; readonly error: string }

export interface TasksRoom {
  createTask(tx: Tx, task: NewTask): Promise<TaskId>
  /** Long lines are cut; beyond TASK_LINES_MAX the rest is dropped with a word about it. Nothing is added after the end. */
  appendLines(id: TaskId, lines: readonly string[]): Promise<void>
  /** In the caller's transaction when one is given. Finishing twice keeps the first end. */
  finish(id: TaskId, end: TaskEnd, tx?: Tx): Promise<void>
  findTask(id: string): Promise<TaskRow | undefined>
  /** Long poll by the rules of decideTaskPoll; then the lines from `first` on. undefined = no such task. */
  waitForTask(id: string, poll: TaskPoll, signal?: AbortSignal): Promise<{ task: TaskRow; lines: readonly string[] } | undefined>
}

export interface NewTask {
  readonly kind: 'deploy'
  readonly userGuid: UserGuid | null
  readonly contentGuid: ContentGuid | null
  readonly traceparent: string | null
}

const TASK_ID_CHARS = 16

export function createTasksRoom(deps: { readonly sql: Sql; readonly feed: ChangeFeed }): TasksRoom {
  const { sql, feed } = deps
  let waiters = 0

  return {
    async createTask(tx, task) {
      const id = randomKey(TASK_ID_CHARS) as TaskId
      await insertTask(tx, { id, ...task })
      return id
    },

    async appendLines(id, lines) {
      if (lines.length === 0) return
      await sql.begin(async (tx) => {
        const at = await lockLineCount(tx, id)
        if (at === undefined) throw new AppError('not_found', `there is no task ${id}`)
        if (at.finished || at.lineCount > TASK_LINES_MAX) return
        const kept = lines.slice(0, TASK_LINES_MAX - at.lineCount).map(cutLine)
        if (at.lineCount + lines.length > TASK_LINES_MAX) kept.push(`(more than ${TASK_LINES_MAX} lines: the rest is not kept)`)
        await insertLines(tx, id, at.lineCount, kept)
        await notifyTask(tx, id)
      })
      feed.ring('task_changed', id)
    },

    async finish(id, end, outer) {
      const finish = async (tx: Tx): Promise<void> => {
        await finishTask(tx, id, {
          code: end.kind === 'succeeded' ? 0 : 1,
          error: end.kind === 'succeeded' ? '' : oneLine(end.error),
          result: end.kind === 'succeeded' ? (end.result ?? null) : null,
        })
        await notifyTask(tx, id)
      }
      if (outer !== undefined) return finish(outer)
      await sql.begin(finish)
      feed.ring('task_changed', id)
    },

    findTask: (id) => findTask(sql, id),

    async waitForTask(id, poll, signal) {
      // Beyond the limit nobody waits: clients poll a little faster, and nothing breaks.
      const waitMs = waiters >= TASK_WAITERS_MAX ? 0 : Math.min(poll.waitMs, TASK_WAIT_MAX_MS)
      waiters += 1
      try {
        await waitForChange({
          feed,
          channel: 'task_changed',
          id,
          recheckMs: WAIT_RECHECK_MS,
          timeoutMs: waitMs,
          signal,
          check: async () => {
            const task = await findTask(sql, id)
            return task === undefined || decideTaskPoll({ first: poll.first, waitMs }, task) === 'answer' ? true : undefined
          },
        })
      } finally {
        waiters -= 1
      }
      // The row first, then lines up to its count: what is written in between stays for the next poll.
      const task = await findTask(sql, id)
      if (task === undefined) return undefined
      const lines = await readLines(sql, task.id, poll.first ?? 0)
      return { task, lines: lines.slice(0, Math.max(0, task.lineCount - (poll.first ?? 0))) }
    },
  }
}

function cutLine(line: string): string {
  // Postgres text holds everything but NUL.
  const text = line.replaceAll('\0', '')
  if (Buffer.byteLength(text) <= TASK_LINE_BYTES_MAX) return text
  return `${Buffer.from(text).subarray(0, TASK_LINE_BYTES_MAX).toString('utf8')}…`
}

function oneLine(text: string): string {
  return cutLine(text.replaceAll(/\s*\n\s*/g, ' ').trim()) || 'failed'
}
