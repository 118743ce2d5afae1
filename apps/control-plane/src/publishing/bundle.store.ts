import type { BundleId, ContentGuid, UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'

export interface BundleMetadata {
  readonly source: string | null
  readonly source_repo: string | null
  readonly source_branch: string | null
  readonly source_commit: string | null
}

export interface Bundle {
  readonly id: BundleId
  readonly contentGuid: ContentGuid
  readonly createdTime: Date
  readonly createdBy: UserGuid | null
  readonly createdByName: string | null
  readonly archiveBytes: bigint
  readonly archiveSha256: string
  readonly archiveSha1: string
  readonly archiveMd5: string
  readonly metadata: Partial<BundleMetadata>
  readonly appMode: string
  readonly contentCategory: string
  readonly parameterized: boolean
  readonly pythonVersion: string | null
  readonly rVersion: string | null
  readonly active: boolean
}

export interface NewBundle {
  readonly contentGuid: ContentGuid
  readonly createdBy: UserGuid
  readonly archiveBytes: number
  readonly archiveSha256: string
  readonly archiveSha1: string
  readonly archiveMd5: string
  readonly unpackedBytes: number
  readonly fileCount: number
  readonly stripComponents: number
  readonly metadata: BundleMetadata
  /** As it was sent. */
  readonly manifest: unknown
  readonly appMode: string
  readonly requirements: string | null
}

const selection = (sql: Sql | Tx) => sql`
  select b.id, b.content_guid as "contentGuid", b.created_time as "createdTime", b.created_by as "createdBy", u.username as "createdByName",
    b.archive_bytes as "archiveBytes", b.archive_sha256 as "archiveSha256", b.archive_sha1 as "archiveSha1", b.archive_md5 as "archiveMd5",
    b.metadata, b.app_mode as "appMode", coalesce(b.manifest #>> '{metadata,content_category}', '') as "contentCategory",
    coalesce(b.manifest #> '{metadata,has_parameters}' = 'true'::jsonb, false) as parameterized,
    b.python_version as "pythonVersion", b.r_version as "rVersion", b.id = c.bundle_id is true as active
  from bundles b join content c on c.guid = b.content_guid left join users u on u.guid = b.created_by`

export async function insertBundle(tx: Tx, bundle: NewBundle): Promise<BundleId> {
  const rows = await tx<{ id: BundleId }[]>`
    insert into bundles (content_guid, created_by, archive_bytes, archive_sha256, archive_sha1, archive_md5, unpacked_bytes, file_count,
      strip_components, metadata, manifest, app_mode, requirements)
    values (${bundle.contentGuid}, ${bundle.createdBy}, ${bundle.archiveBytes}, ${bundle.archiveSha256}, ${bundle.archiveSha1},
      ${bundle.archiveMd5}, ${bundle.unpackedBytes}, ${bundle.fileCount}, ${bundle.stripComponents},
      ${tx.json({ ...bundle.metadata })}, ${tx.json(bundle.manifest as never)}, ${bundle.appMode}, ${bundle.requirements})
    returning id`
  return (rows[0] as { id: BundleId }).id
}

export async function findBundle(sql: Sql | Tx, id: bigint): Promise<Bundle | undefined> {
  return (await sql<Bundle[]>`${selection(sql)} where b.id = ${id}`)[0]
}

/** Newest first. */
export async function listBundles(sql: Sql, contentGuid: ContentGuid): Promise<Bundle[]> {
  return sql<Bundle[]>`${selection(sql)} where b.content_guid = ${contentGuid} order by b.id desc`
}

export async function newestBundleId(sql: Sql | Tx, contentGuid: ContentGuid): Promise<BundleId | undefined> {
  return (await sql<{ id: BundleId }[]>`select id from bundles where content_guid = ${contentGuid} order by id desc limit 1`)[0]
    ?.id
}

export async function bundleExists(sql: Sql, contentGuid: string, id: bigint): Promise<boolean> {
  return (await sql`select 1 from bundles where id = ${id} and content_guid = ${contentGuid}`).length > 0
}
