import type { Job } from '@berth/api-contract/job.js'

export interface ProcessState {
  readonly state: 'waiting' | 'running' | 'ended' | 'failed' | 'lost'
  readonly label: string
}

/** What to call the state of a job: status 0 is active; an ended one without exit code was lost (spec: jobs 3.1). */
export function describeProcess(job: Pick<Job, 'status' | 'pid' | 'exit_code'>): ProcessState {
  if (job.status === 0) {
    return job.pid === null ? { state: 'waiting', label: 'waiting' } : { state: 'running', label: 'running' }
  }
  if (job.exit_code === null) return { state: 'lost', label: 'lost' }
  if (job.exit_code === 0) return { state: 'ended', label: 'ended' }
  return { state: 'failed', label: `ended, exit code ${job.exit_code}` }
}
