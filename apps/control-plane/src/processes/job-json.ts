import type { Job } from '@berth/api-contract/job.js'
import { isLive } from '@berth/domain/process/process-state.js'
import { seconds, secondsOrNull } from '../http/rfc3339.js'
import type { JobRecord } from './processes-room.js'

export function jobJson(job: JobRecord): Job {
  const contentId = job.contentId === null ? '' : String(job.contentId)
  return {
    id: String(job.jobId),
    ppid: textOrNull(job.hostPpid),
    pid: textOrNull(job.hostPid),
    key: job.key,
    remote_id: null,
    app_id: contentId,
    app_guid: job.contentGuid,
    content_id: contentId,
    content_guid: job.contentGuid,
    variant_id: '0',
    bundle_id: textOrNull(job.bundleId),
    start_time: seconds(job.startTime ?? job.queuedTime),
    end_time: secondsOrNull(job.endTime),
    last_heartbeat_time: secondsOrNull(job.lastHeartbeatTime),
    queued_time: seconds(job.queuedTime),
    queue_name: null,
    tag: job.tag,
    exit_code: job.exitCode,
    status: isLive(job.phase) ? 0 : job.finalized ? 2 : 1,
    hostname: job.hostname ?? '',
    cluster: null,
    image: null,
    run_as: job.runAs,
  }
}

function textOrNull(value: bigint | number | null): string | null {
  return value === null ? null : String(value)
}
