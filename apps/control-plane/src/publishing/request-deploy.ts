import { randomUUID } from 'node:crypto'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { TaskId } from '@berth/domain/ids.js'
import { requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql } from '../platform/postgres.js'
import type { TasksRoom } from '../tasks/tasks-room.js'
import { findBundle, newestBundleId } from './bundle.store.js'
import { judgeManifest } from './judge-manifest.js'
import { loadSettledKind } from './upload-bundle.js'

export interface DeployRequest {
  /** null = the active bundle, else the newest. */
  readonly bundleId: bigint | null
  /** false = a draft: built, and visible under its own address, without becoming the content. */
  readonly activate: boolean
  readonly traceparent: string | null
}

export interface RequestedDeployment {
  readonly deploymentId: string
  readonly taskId: TaskId
}

/** Writes deployment and task in one transaction. Ringing the queue is the caller's, after the commit. */
export async function requestDeploy(
  deps: { readonly sql: Sql; readonly tasks: TasksRoom },
  actor: Actor,
  contentGuid: string,
  request: DeployRequest,
): Promise<RequestedDeployment> {
  const facts = await requireContent(deps.sql, actor, contentGuid, 'change_settings')
  if (facts.locked) throw new AppError('forbidden', 'The content is locked: unlock it to deploy.', { apiCode: 22 })
  return deps.sql.begin(async (tx) => {
    const bundleId = request.bundleId ?? facts.bundleId ?? (await newestBundleId(tx, facts.contentGuid))
    if (bundleId === undefined)
      throw new AppError('not_found', 'The content has no bundle to deploy: upload one.', { apiCode: 28 })
    const bundle = await findBundle(tx, bundleId)
    if (bundle === undefined) throw new AppError('not_found', `There is no bundle ${bundleId}.`, { apiCode: 4 })
    if (bundle.contentGuid !== facts.contentGuid) {
      throw new AppError('invalid', `Bundle ${bundleId} belongs to other content.`, { apiCode: 82 })
    }
    // Content may have been settled by another bundle since the upload.
    const manifest = await tx<{ text: string }[]>`select manifest::text as text from bundles where id = ${bundleId}`
    judgeManifest(manifest[0]?.text, await loadSettledKind(tx, facts.contentGuid))
    const taskId = await deps.tasks.createTask(tx, {
      kind: 'deploy',
      userGuid: actor.userGuid,
      contentGuid: facts.contentGuid,
      traceparent: request.traceparent,
    })
    const deploymentId = randomUUID()
    await tx`
      insert into deployments (id, content_guid, bundle_id, task_id, activate, requested_by, traceparent)
      values (${deploymentId}, ${facts.contentGuid}, ${bundleId}, ${taskId}, ${request.activate}, ${actor.userGuid}, ${request.traceparent})`
    await recordAudit(tx, {
      actor,
      action: 'deploy_bundle',
      description: `Deployed bundle ${bundleId} to ${facts.name}${request.activate ? '' : ' as a draft'}`,
      detail: { content_guid: facts.contentGuid, bundle_id: String(bundleId), activate: request.activate },
    })
    return { deploymentId, taskId }
  })
}
