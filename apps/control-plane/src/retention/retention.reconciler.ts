// What grows is cut back here: jobs with their events and output, deployments and tasks, bundles with their archives, join tokens.
// Promises: what is active, running, being deployed or the newest is never taken. Unpacked directories and environments of bundles that
// went stay on the hosts: only their agents, as root, can remove them.
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { RETENTION_BATCH_MAX } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import type { Log } from '../telemetry.js'

export interface RetentionDeps {
  readonly sql: Sql
  readonly settings: Pick<ControlPlaneSettings, 'retention'>
  /** Removes a bundle's archive after its row is gone; a file that is not there is no error. */
  removeArchive(contentGuid: string, bundleId: bigint): Promise<void>
  readonly log: Log
}

/** One round; bounded, so that the rest of a large backlog waits for the next. */
export async function reconcileRetention(deps: RetentionDeps): Promise<void> {
  const counts = {
    jobs: await removeJobs(deps),
    deployments: await removeDeployments(deps),
    bundles: await removeBundles(deps),
    tokens: (await deps.sql`delete from node_join_tokens where expires_time < now() - interval '1 day'`).count,
  }
  if (Object.values(counts).some((count) => count > 0)) deps.log.info(counts, 'removed what retention no longer keeps')
}

/** Finalized jobs beyond Retention.Jobs of their content, or older than Retention.JobAge. Events, output and keys go with the row. */
async function removeJobs({ sql, settings }: RetentionDeps): Promise<number> {
  const { jobsPerContent, jobAgeMs } = settings.retention
  const removed = await sql`
    delete from processes where id in (
      select id from (
        select id, created_time, finalized and phase in ('exited', 'refused') as over,
               row_number() over (partition by content_guid order by job_id desc) as rank, content_guid
        from processes
      ) p
      where over and ((content_guid is not null and rank > ${jobsPerContent}) or created_time < now() - ${jobAgeMs} * interval '1 millisecond')
      limit ${RETENTION_BATCH_MAX})`
  return removed.count
}

/** Old deployments, and tasks that nothing refers to. A draft's deployment stays: it is what keeps the draft's address. */
async function removeDeployments({ sql, settings }: RetentionDeps): Promise<number> {
  const age = settings.retention.jobAgeMs
  const removed = await sql`
    delete from deployments where id in (
      select id from deployments where finished_time < now() - ${age} * interval '1 millisecond' and (activate or state = 'failed') limit ${RETENTION_BATCH_MAX})`
  await sql`
    delete from tasks where id in (
      select t.id from tasks t where t.finished and t.created_time < now() - ${age} * interval '1 millisecond'
        and not exists (select 1 from deployments d where d.task_id = t.id)
      limit ${RETENTION_BATCH_MAX})`
  return removed.count
}

/** Bundles beyond Retention.Bundles of their content, one content at a time under its row's lock: nothing is activated meanwhile. */
async function removeBundles(deps: RetentionDeps): Promise<number> {
  const { sql, settings } = deps
  const keep = settings.retention.bundlesPerContent
  const crowded = await sql<{ content_guid: string }[]>`
    select content_guid from bundles group by content_guid having count(*) > ${keep} limit ${RETENTION_BATCH_MAX}`
  let count = 0
  for (const { content_guid: guid } of crowded) {
    const removed = await sql.begin(async (tx) => {
      await tx`select 1 from content where guid = ${guid} for update`
      return tx<{ id: bigint }[]>`
        delete from bundles b where b.content_guid = ${guid}
          and b.id not in (select id from bundles where content_guid = ${guid} order by id desc limit ${keep})
          and b.id is distinct from (select bundle_id from content where guid = ${guid})
          and not exists (select 1 from processes p where p.bundle_id = b.id and p.phase not in ('exited', 'refused'))
          and not exists (select 1 from deployments d where d.bundle_id = b.id and d.state in ('queued', 'running'))
        returning b.id`
    })
    // After the commit: an archive without a row is swept at the next start, a row without its archive could not be deployed.
    for (const { id } of removed) await deps.removeArchive(guid, id)
    count += removed.length
  }
  return count
}
