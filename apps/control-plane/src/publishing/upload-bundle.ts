import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { BundleLimits } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { ContentGuid } from '@berth/domain/ids.js'
import type { Manifest } from '@berth/domain/manifest/read-manifest.js'
import { requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import { REQUIREMENTS_BYTES_MAX } from '../limits.js'
import type { Sql, Tx } from '../platform/postgres.js'
import type { ArchiveDirectory } from './archive-directory.js'
import { type Bundle, type BundleMetadata, findBundle, insertBundle } from './bundle.store.js'
import type { ArchiveFacts } from './check-archive.js'
import { judgeManifest, type SettledKind } from './judge-manifest.js'
import { readArchiveFile } from './read-archive-file.js'
import { type ReceivedArchive, receiveArchive } from './receive-archive.js'

export interface UploadDeps {
  readonly sql: Sql
  readonly archives: ArchiveDirectory
  readonly limits: BundleLimits
}

/** An archive that is on disk and acceptable, not yet a bundle: metadata may still be on its way. */
export interface StagedUpload {
  /** Makes it a bundle: row, file and audit row, or nothing of it. */
  commit(metadata: BundleMetadata): Promise<Bundle>
  /** Removes it; harmless after commit. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Receives the archive and says no with a sentence as early as it can. Source: publisher-api 2.3, 3.9. */
export async function stageUpload(deps: UploadDeps, actor: Actor, contentGuid: string, source: Readable): Promise<StagedUpload> {
  const facts = await requireContent(deps.sql, actor, contentGuid, 'change_settings')
  const path = await deps.archives.stagingPath(facts.contentGuid)
  const received = await receiveArchive(source, path, deps.limits)
  if (received.kind === 'refuse') {
    throw new AppError(received.tooLarge ? 'too_large' : 'invalid', received.message, { apiCode: received.apiCode })
  }
  try {
    const settled = await loadSettledKind(deps.sql, facts.contentGuid)
    const { manifest, json } = judgeManifest(received.facts.manifest, settled)
    const requirements = await readRequirements(path, manifest, received.facts)
    return {
      commit: (metadata) =>
        commit(deps, { actor, contentGuid: facts.contentGuid, received, manifest, json, requirements, metadata }),
      [Symbol.asyncDispose]: () => rm(path, { force: true }),
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

interface Commit {
  readonly actor: Actor
  readonly contentGuid: ContentGuid
  readonly received: Extract<ReceivedArchive, { kind: 'received' }>
  readonly manifest: Manifest
  readonly json: unknown
  readonly requirements: string | null
  readonly metadata: BundleMetadata
}

async function commit(deps: UploadDeps, upload: Commit): Promise<Bundle> {
  const { actor, contentGuid, received, manifest, metadata } = upload
  let kept: bigint | undefined
  try {
    return await deps.sql.begin(async (tx) => {
      const exists = await tx`select 1 from content where guid = ${contentGuid} for key share`
      if (exists.length === 0) throw new AppError('not_found', 'The content was deleted meanwhile.', { apiCode: 4 })
      const id = await insertBundle(tx, {
        contentGuid,
        createdBy: actor.userGuid,
        archiveBytes: received.facts.archiveBytes,
        archiveSha256: received.sha256,
        archiveSha1: received.sha1,
        archiveMd5: received.md5,
        unpackedBytes: received.facts.unpackedBytes,
        fileCount: received.facts.fileCount,
        stripComponents: received.facts.stripComponents,
        metadata,
        manifest: upload.json,
        appMode: manifest.appMode,
        requirements: upload.requirements,
      })
      await recordAudit(tx, {
        actor,
        action: 'upload_bundle',
        description: `Uploaded bundle ${id}`,
        detail: { content_guid: contentGuid, bundle_id: String(id), sha256: received.sha256, bytes: received.facts.archiveBytes },
      })
      // Before the commit: a row without its archive would be worse than an archive without a row, which the sweep finds.
      await deps.archives.keep(received.path, contentGuid, id)
      kept = id
      return (await findBundle(tx, id)) as Bundle
    })
  } catch (error) {
    if (kept !== undefined) await deps.archives.remove(contentGuid, kept)
    throw error
  }
}

async function readRequirements(path: string, manifest: Manifest, facts: ArchiveFacts): Promise<string | null> {
  const packageFile = manifest.python?.packageFile
  if (manifest.appMode !== 'python-api' || packageFile === undefined || !manifest.environmentManagement.python) return null
  const bytesMax = REQUIREMENTS_BYTES_MAX
  const file = await readArchiveFile(path, { path: packageFile, stripComponents: facts.stripComponents, bytesMax })
  const refuse = (why: string): AppError =>
    new AppError('invalid', `"${packageFile}", which the manifest names as the Python package file, ${why}.`, { apiCode: 38 })
  if (file.kind === 'missing') throw refuse('is not in the bundle')
  if (file.kind === 'too_large') throw refuse(`is larger than ${bytesMax} bytes`)
  if (file.text.includes('\0')) throw refuse('is not text')
  return file.text
}

/** undefined until a bundle was activated: until then the content may become anything. */
export async function loadSettledKind(sql: Sql | Tx, contentGuid: ContentGuid): Promise<SettledKind | undefined> {
  const rows = await sql<(SettledKind & { active: boolean })[]>`
    select app_mode as "appMode", content_category as "contentCategory", parameterized, bundle_id is not null as active
    from content where guid = ${contentGuid}`
  const row = rows[0]
  return row === undefined || !row.active || row.appMode === 'unknown' ? undefined : row
}
