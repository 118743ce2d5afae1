// Publishing: bundles from upload to the request that one be deployed.
// Owns the table bundles and DataDir/bundles; writes deployments in state queued.
// Promises that an upload is stored byte for byte or leaves nothing behind, and that a deployment is never lost: its row is
// committed before the queue hears of it.
// Leaves to others: what a deployment does (deploy-bundle.ts), and when old bundles go (retention).
import type { Readable } from 'node:stream'
import type { BundleLimits } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { ContentGuid, TaskId } from '@berth/domain/ids.js'
import { requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import { createGate } from '../gate.js'
import type { Clock } from '../platform/clock.js'
import type { Sql } from '../platform/postgres.js'
import { UPLOADS_AT_ONCE, UPLOADS_WAITING_MAX } from '../rest-limits.js'
import type { TasksRoom } from '../tasks/tasks-room.js'
import { createArchiveDirectory } from './archive-directory.js'
import { type Bundle, bundleExists, findBundle, listBundles } from './bundle.store.js'
import { type DeployRequest, requestDeploy } from './request-deploy.js'
import { type StagedUpload, stageUpload } from './upload-bundle.js'

export interface PublishingRoom {
  /**
   * Receives an archive in constant memory. `use` gets it staged and commits it, or lets it go.
   * Fails with what is wrong with the archive (codes 25, 38, 125, 126, 134, 135, 147, 148; 48, 110, 111).
   */
  uploadBundle<T>(actor: Actor, contentGuid: string, source: Readable, use: (staged: StagedUpload) => Promise<T>): Promise<T>
  listBundles(actor: Actor, contentGuid: string): Promise<readonly Bundle[]>
  getBundle(actor: Actor, contentGuid: string, id: bigint): Promise<Bundle>
  deleteBundle(actor: Actor, contentGuid: string, id: bigint): Promise<void>
  openArchive(actor: Actor, contentGuid: string, id: bigint): Promise<{ bundle: Bundle; stream: Readable }>
  requestDeploy(actor: Actor, contentGuid: string, request: DeployRequest): Promise<TaskId>
  /** After the content's rows are gone. */
  removeArchivesOf(contentGuid: ContentGuid): Promise<void>
  /** At start: what a crash left of uploads. Returns the removed paths. */
  sweepArchives(): Promise<readonly string[]>
}

export interface PublishingDeps {
  readonly sql: Sql
  readonly clock: Clock
  readonly tasks: TasksRoom
  readonly settings: { readonly dataDir: string; readonly bundle: BundleLimits }
  /** Rings the queue. May be lost: unfinished rows are rescanned. Must not throw. */
  enqueueDeployment(deploymentId: string): void
}

export function createPublishingRoom(deps: PublishingDeps): PublishingRoom {
  const { sql, clock, tasks, settings } = deps
  const archives = createArchiveDirectory(settings.dataDir)
  const uploads = createGate({
    atOnce: UPLOADS_AT_ONCE,
    waiting: UPLOADS_WAITING_MAX,
    refusal: 'Too many bundles are being uploaded. Try again in a minute.',
  })
  const requireBundle = async (contentGuid: ContentGuid, id: bigint): Promise<Bundle> => {
    const bundle = await findBundle(sql, id)
    if (bundle === undefined || bundle.contentGuid !== contentGuid) {
      throw new AppError('not_found', 'The bundle does not exist.', { apiCode: 4 })
    }
    return bundle
  }

  return {
    uploadBundle: (actor, contentGuid, source, use) =>
      uploads.pass(async () => {
        await using staged = await stageUpload({ sql, archives, limits: settings.bundle }, actor, contentGuid, source)
        return await use(staged)
      }),

    async listBundles(actor, contentGuid) {
      const facts = await requireContent(sql, actor, contentGuid, 'read_settings')
      return listBundles(sql, facts.contentGuid)
    },

    async getBundle(actor, contentGuid, id) {
      const facts = await requireContent(sql, actor, contentGuid, 'read_settings')
      return requireBundle(facts.contentGuid, id)
    },

    async deleteBundle(actor, contentGuid, id) {
      const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
      await requireBundle(facts.contentGuid, id)
      await sql.begin(async (tx) => {
        // The content's row is locked: a deployment that activates this very bundle waits, and then fails instead of pointing at nothing.
        const [content] = await tx<{ bundleId: bigint | null }[]>`
          select bundle_id as "bundleId" from content where guid = ${facts.contentGuid} for update`
        if (content?.bundleId === id) {
          throw new AppError('invalid', 'The bundle is active: activate another one before deleting it.', { apiCode: 75 })
        }
        const busy = await tx`select 1 from deployments where bundle_id = ${id} and state in ('queued', 'running')`
        if (busy.length > 0) throw new AppError('invalid', 'The bundle is being deployed.', { apiCode: 75 })
        await tx`delete from bundles where id = ${id}`
        await recordAudit(tx, {
          actor,
          action: 'remove_bundle',
          description: `Deleted bundle ${id} of ${facts.name}`,
          detail: { content_guid: facts.contentGuid, bundle_id: String(id) },
        })
      })
      await archives.remove(facts.contentGuid, id)
    },

    async openArchive(actor, contentGuid, id) {
      const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
      const bundle = await requireBundle(facts.contentGuid, id)
      return { bundle, stream: archives.open(facts.contentGuid, id) }
    },

    async requestDeploy(actor, contentGuid, request) {
      const { deploymentId, taskId } = await requestDeploy({ sql, tasks }, actor, contentGuid, request)
      deps.enqueueDeployment(deploymentId)
      return taskId
    },

    removeArchivesOf: (contentGuid) => archives.removeAll(contentGuid),
    sweepArchives: () => archives.sweep({ now: clock.now(), exists: (contentGuid, id) => bundleExists(sql, contentGuid, id) }),
  }
}
