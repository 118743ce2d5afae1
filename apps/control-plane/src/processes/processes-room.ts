// Processes: every execution of content, its state, its log, and orders to end it.
import type { Actor } from '@berth/domain/access/actor.js'
import type { ContentGuid, JobKey, ProcessId } from '@berth/domain/ids.js'
import type { ProcessPhase } from '@berth/domain/process/process-state.js'
import type { Tx } from '../platform/postgres.js'

export interface ProcessesRoom {
  /** Newest first. */
  listJobs(contentGuid: ContentGuid): Promise<readonly JobRecord[]>
  getJob(key: JobKey): Promise<JobRecord | undefined>
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
}

export type StopReason =
  | 'idle'
  | 'run_as_changed'
  | 'environment_changed'
  | 'replaced'
  | 'killed'
  | 'shutdown'
  | 'content_deleted'

export type StopOrder = { readonly kind: 'registered' } | { readonly kind: 'not_active' } | { readonly kind: 'not_found' }

/** One row of `processes`. Times are dates; null = not yet, or lost. */
export interface JobRecord {
  readonly processId: ProcessId
  readonly jobId: bigint
  readonly key: JobKey
  readonly tag: string
  readonly kind: 'service' | 'job'
  readonly contentGuid: ContentGuid | null
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
