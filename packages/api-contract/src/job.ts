import { z } from 'zod'
import { guid, time } from './scalars.js'

export const job = z.object({
  id: z.string(),
  ppid: z.string().nullable(),
  pid: z.string().nullable(),
  key: z.string(),
  remote_id: z.string().nullable(),
  app_id: z.string(),
  app_guid: guid,
  content_id: z.string(),
  content_guid: guid,
  variant_id: z.string(),
  bundle_id: z.string().nullable(),
  start_time: time,
  end_time: time.nullable(),
  last_heartbeat_time: time.nullable(),
  queued_time: time.nullable(),
  queue_name: z.string().nullable(),
  tag: z.string(),
  exit_code: z.int().nullable(),
  /** 0 active, 1 finished, 2 finalized. */
  status: z.int(),
  hostname: z.string(),
  cluster: z.string().nullable(),
  image: z.string().nullable(),
  run_as: z.string(),
})
export type Job = z.infer<typeof job>

export const jobKill = z.object({
  guid,
  app_id: z.string(),
  app_guid: guid,
  job_id: z.string(),
  job_key: z.string(),
  result: z.string(),
})

export const jobLog = z.object({
  entries: z.array(z.object({ source: z.enum(['stdout', 'stderr']), timestamp: time, data: z.string() })),
})

export type JobLog = z.infer<typeof jobLog>

/** Why it failed; an empty object when it did not. */
export const jobError = z.union([
  z.object({ error_code: z.string(), summary: z.string(), failing_step: z.string().nullable(), exit_code: z.int().nullable() }),
  z.object({}).strict(),
])

export const jobLogQuery = z.object({ maxLogLines: z.string().optional() })
