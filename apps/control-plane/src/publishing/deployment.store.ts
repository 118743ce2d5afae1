import type { ContentGuid, TaskId } from '@berth/domain/ids.js'
import type { Sql } from '../platform/postgres.js'

/** A deployment with what it needs to know of its content and bundle. */
export interface Deployment {
  readonly id: string
  readonly content_guid: ContentGuid
  readonly content_id: bigint
  readonly bundle_id: bigint
  readonly task_id: TaskId
  readonly activate: boolean
  readonly requested_by: string | null
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed'
  readonly traceparent: string | null
  readonly created_time: Date
  readonly run_as: string | null
  readonly manages_python: boolean | null
  readonly manages_r: boolean | null
  readonly manifest: string
  readonly requirements: string | null
  readonly archive_sha256: string
  readonly archive_bytes: bigint
  readonly strip_components: number
  readonly bundle_state: 'stored' | 'built' | 'failed'
  readonly python_version: string | null
  readonly r_version: string | null
}

export async function findDeployment(sql: Sql, id: string): Promise<Deployment | undefined> {
  const [row] = await sql<Deployment[]>`
    select d.id, d.content_guid, c.id as content_id, d.bundle_id, d.task_id, d.activate, d.requested_by, d.state, d.traceparent, d.created_time,
           c.run_as, c.default_py_environment_management as manages_python, c.default_r_environment_management as manages_r,
           b.manifest::text as manifest, b.requirements, b.archive_sha256, b.archive_bytes, b.strip_components, b.state as bundle_state,
           b.python_version, b.r_version
    from deployments d join content c on c.guid = d.content_guid join bundles b on b.id = d.bundle_id
    where d.id = ${id}`
  return row
}

/** Unfinished ones, and finished ones whose task was not told: a crash between the two. Oldest first. */
export async function unfinishedDeployments(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ id: string }[]>`
    select d.id from deployments d join tasks t on t.id = d.task_id
    where d.state in ('queued', 'running') or not t.finished order by d.created_time`
  return rows.map((row) => row.id)
}
