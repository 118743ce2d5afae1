import type { ProcessPhase } from '@berth/domain/process/process-state.js'

/** A row of `processes` with the column names of the schema. */
export interface ProcessRow {
  readonly id: string
  readonly job_id: bigint
  readonly key: string
  readonly kind: 'service' | 'job'
  readonly tag: string
  readonly content_guid: string | null
  readonly content_id: bigint | null
  readonly bundle_id: bigint | null
  readonly node_id: string
  readonly work: Record<string, unknown>
  readonly env: Record<string, string>
  readonly stop_grace_ms: number
  readonly kill_grace_ms: number
  readonly run_as: string
  readonly fence: bigint
  readonly traceparent: string | null
  readonly requested_by: string | null
  readonly intent: 'run' | 'drain' | 'stop'
  readonly stop_reason: string | null
  readonly phase: ProcessPhase
  readonly last_seq: number
  readonly finalized: boolean
  readonly host_pid: number | null
  readonly host_ppid: number | null
  readonly socket_path: string | null
  readonly journey: readonly unknown[]
  readonly exit_code: number | null
  readonly exit_signal: number | null
  readonly exit_reason: string | null
  readonly failing_step: string | null
  readonly message: string | null
  readonly hostname: string | null
  readonly created_time: Date
  readonly start_time: Date | null
  readonly ready_time: Date | null
  readonly end_time: Date | null
  readonly last_heartbeat_time: Date | null
}
