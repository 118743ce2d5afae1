import type { Manifest } from '@berth/domain/manifest/read-manifest.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql } from '../platform/postgres.js'
import { stopAllOfContent } from '../processes/stop-processes.js'
import type { Deployment } from './deployment.store.js'

export type Activated =
  | { readonly kind: 'active' }
  | { readonly kind: 'draft' }
  /** A deployment that was asked for later has already become active: this one does not take its place. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'gone' }

/**
 * The end of a deployment, in one transaction: bundle built, and, unless it is a draft, the content's active bundle, with the
 * processes of other bundles ordered to end. Run again after a crash it finds the deployment finished and changes nothing.
 */
export async function activateBundle(sql: Sql, deployment: Deployment, manifest: Manifest): Promise<Activated> {
  return sql.begin(async (tx): Promise<Activated> => {
    const [content] = await tx<{ name: string }[]>`select name from content where guid = ${deployment.content_guid} for update`
    if (content === undefined) return { kind: 'gone' }
    await tx`update bundles set state = 'built' where id = ${deployment.bundle_id}`
    const [newer] = await tx`
      select 1 from deployments where content_guid = ${deployment.content_guid} and activate and state = 'succeeded' and created_time > ${deployment.created_time} limit 1`
    await tx`update deployments set state = 'succeeded', finished_time = now() where id = ${deployment.id}`
    await tx`select pg_notify('routes_changed', '')`
    if (!deployment.activate) return { kind: 'draft' }
    if (newer !== undefined) return { kind: 'superseded' }
    await tx`
      update content set bundle_id = ${deployment.bundle_id}, app_mode = ${manifest.appMode}, content_category = ${manifest.contentCategory},
        parameterized = ${manifest.parameterized}, last_deployed_time = now(), generation = generation + 1
      where guid = ${deployment.content_guid}`
    await stopAllOfContent(tx, deployment.content_guid, 'replaced', { exceptBundleId: deployment.bundle_id })
    const [by] =
      deployment.requested_by === null
        ? []
        : await tx<{ username: string }[]>`select username from users where guid = ${deployment.requested_by}`
    await recordAudit(tx, {
      actor:
        by === undefined || deployment.requested_by === null
          ? null
          : { userGuid: deployment.requested_by as never, username: by.username },
      action: 'activate_bundle',
      description: `Bundle ${deployment.bundle_id} of ${content.name} is active`,
      detail: { content_guid: deployment.content_guid, bundle_id: String(deployment.bundle_id) },
    })
    return { kind: 'active' }
  })
}
