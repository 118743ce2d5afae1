// Processes: every execution of content, its state, its log, and orders to end it.
// Owns the tables processes, process_events and process_log_chunks. Promises: a row is one execution and is never started twice;
// people and reconcilers write intent, agents' reports write phases, nobody writes both; every change of what a node should run
// raises that node's generation in the same transaction.
// Leaves to others: whether somebody may see or stop a process (content, identity), when one is needed (routing, publishing).

import type { Actor } from '@berth/domain/access/actor.js'
import type { ContentGuid, JobKey, ProcessId } from '@berth/domain/ids.js'
import type { ProcessPhase } from '@berth/domain/process/process-state.js'
import { recordAudit } from '../audit/record-audit.js'
import type { ChangeFeed } from '../events.js'
import { JOBS_LISTED_MAX, LOG_LINES_MAX } from '../limits.js'
import { readLog } from '../logs/read-log.js'
import { wholeLog } from '../logs/whole-log.js'
import type { Sql, Tx } from '../platform/postgres.js'
import type { ProcessRow } from './process-row.js'
import { setIntent, stopAllOfContent } from './stop-processes.js'
import type { StopReason } from './stop-reason.js'

export interface ProcessesRoom {
  /** Newest first; the build of an environment that the content's bundles share with others is among them. */
  listJobs(contentGuid: ContentGuid): Promise<readonly JobRecord[]>
  /** undefined also when it is another content's. */
  getJob(contentGuid: ContentGuid, key: JobKey): Promise<JobRecord | undefined>
  /** Registers an order and does not wait. Doing it twice is harmless. Writes the audit row itself. */
  requestStop(
    which: { readonly processId: ProcessId } | { readonly key: JobKey },
    reason: StopReason,
    actor: Actor,
  ): Promise<StopOrder>
  /** Intent drain, then stop, for every live service process of the content. In the caller's transaction; the caller writes the audit row. */
  stopAllOfContent(tx: Tx, contentGuid: ContentGuid, reason: StopReason): Promise<number>
  /** The last maxLines lines, oldest first; undefined = no such job. */
  readLog(key: JobKey, limit: { readonly maxLines: number }): Promise<readonly JobLogEntry[] | undefined>
  /** All of it, oldest first, in batches. */
  wholeLog(processId: ProcessId): AsyncIterable<readonly JobLogEntry[]>
}

export type StopOrder = { readonly kind: 'registered' } | { readonly kind: 'not_active' } | { readonly kind: 'not_found' }

/** One row of `processes`. Times are dates; null = not yet, or lost. */
export interface JobRecord {
  readonly processId: ProcessId
  readonly jobId: bigint
  readonly key: JobKey
  readonly tag: string
  readonly kind: 'service' | 'job'
  readonly contentGuid: ContentGuid
  readonly contentId: bigint | null
  readonly bundleId: bigint | null
  readonly phase: ProcessPhase
  readonly intent: 'run' | 'drain' | 'stop'
  readonly stopReason: string | null
  readonly finalized: boolean
  readonly runAs: string
  readonly hostPid: number | null
  readonly hostPpid: number | null
  readonly hostname: string | null
  readonly exitCode: number | null
  readonly exitReason: string | null
  readonly failingStep: string | null
  readonly message: string | null
  /** JourneyEntry of berth.agent.v1 as proto JSON. */
  readonly journey: readonly unknown[]
  readonly queuedTime: Date
  readonly startTime: Date | null
  readonly readyTime: Date | null
  readonly endTime: Date | null
  readonly lastHeartbeatTime: Date | null
}

export interface JobLogEntry {
  readonly source: 'stdout' | 'stderr'
  readonly timestamp: Date
  /** One line, without its end. */
  readonly data: string
}

export function createProcessesRoom(deps: { readonly sql: Sql; readonly feed: ChangeFeed }): ProcessesRoom {
  const { sql, feed } = deps
  // An environment is built for whoever wants it, and its log matters to each of them.
  const shownFor = (contentGuid: ContentGuid) => sql`(content_guid = ${contentGuid} or id in (
    select e.process_id from bundles b join environments e on e.hash = b.environment_hash and e.python_version = b.python_version
    where b.content_guid = ${contentGuid}))`
  return {
    async listJobs(contentGuid) {
      const rows = await sql<ProcessRow[]>`
        select * from processes where ${shownFor(contentGuid)} order by job_id desc limit ${JOBS_LISTED_MAX}`
      return rows.map((row) => jobRecordOf(row, contentGuid))
    },

    async getJob(contentGuid, key) {
      const [row] = await sql<ProcessRow[]>`select * from processes where key = ${key} and ${shownFor(contentGuid)}`
      return row === undefined ? undefined : jobRecordOf(row, contentGuid)
    },

    async requestStop(which, reason, actor) {
      const where = 'key' in which ? sql`key = ${which.key}` : sql`id = ${which.processId}`
      const order = await sql.begin(async (tx) => {
        const [row] = await tx<ProcessRow[]>`select * from processes where ${where}`
        if (row === undefined) return { kind: 'not_found' } as const
        if (row.phase === 'exited' || row.phase === 'refused') return { kind: 'not_active' } as const
        // A second order finds it stopping: as good as registered.
        if (row.intent === 'stop') return { kind: 'registered', row: undefined } as const
        const changed = await setIntent(tx, { id: row.id, nodeId: row.node_id }, 'stop', reason)
        if (changed) {
          await recordAudit(tx, {
            actor,
            action: 'kill_job',
            description: `${actor.username} stopped job ${row.key}`,
            detail: { job_key: row.key, content_guid: row.content_guid, reason },
          })
        }
        return { kind: 'registered', row } as const
      })
      if (order.kind !== 'registered') return order
      if (order.row !== undefined) {
        feed.ring('node_changed', order.row.node_id)
        feed.ring('process_changed', order.row.id)
      }
      return { kind: 'registered' }
    },

    stopAllOfContent: (tx, contentGuid, reason) => stopAllOfContent(tx, contentGuid, reason),

    async readLog(key, { maxLines }) {
      const [row] = await sql<{ id: string }[]>`select id from processes where key = ${key}`
      return row === undefined ? undefined : readLog(sql, row.id, Math.min(maxLines, LOG_LINES_MAX))
    },

    wholeLog(processId) {
      return wholeLog(sql, processId)
    },
  }
}

/** shownFor: the content that a row without one is shown for. */
function jobRecordOf(row: ProcessRow, shownFor: ContentGuid): JobRecord {
  return {
    processId: row.id as ProcessId,
    jobId: row.job_id,
    key: row.key as JobKey,
    tag: row.tag,
    kind: row.kind,
    contentGuid: (row.content_guid as ContentGuid | null) ?? shownFor,
    contentId: row.content_id,
    bundleId: row.bundle_id,
    phase: row.phase,
    intent: row.intent,
    stopReason: row.stop_reason,
    finalized: row.finalized,
    runAs: row.run_as,
    hostPid: row.host_pid,
    hostPpid: row.host_ppid,
    hostname: row.hostname,
    exitCode: row.exit_code,
    exitReason: row.exit_reason,
    failingStep: row.failing_step === '' ? null : row.failing_step,
    message: row.message === '' ? null : row.message,
    journey: row.journey,
    queuedTime: row.created_time,
    startTime: row.start_time,
    readyTime: row.ready_time,
    endTime: row.end_time,
    lastHeartbeatTime: row.last_heartbeat_time,
  }
}
