import type { Actor } from '@berth/domain/access/actor.js'
import { type AccessType, type AppRole, appRole } from '@berth/domain/access/authorize.js'
import type { BundleId, ContentGuid, UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'

/** Columns that are settings, in the words of the API. null = the server's default. */
export interface ContentSettings {
  readonly title: string | null
  readonly description: string
  readonly access_type: AccessType
  readonly locked: boolean
  readonly locked_message: string
  readonly connection_timeout: number | null
  readonly read_timeout: number | null
  readonly init_timeout: number | null
  readonly idle_timeout: number | null
  readonly max_processes: number | null
  readonly min_processes: number | null
  readonly max_conns_per_process: number | null
  readonly load_factor: number | null
  readonly memory_request: bigint | null
  readonly memory_limit: bigint | null
  readonly cpu_request: number | null
  readonly cpu_limit: number | null
  readonly amd_gpu_limit: bigint | null
  readonly nvidia_gpu_limit: bigint | null
  readonly service_account_name: string | null
  readonly default_image_name: string | null
  readonly default_environment_guid: string | null
  readonly default_r_environment_management: boolean | null
  readonly default_py_environment_management: boolean | null
}

export interface ContentRow extends ContentSettings {
  readonly guid: ContentGuid
  readonly id: bigint
  readonly name: string
  readonly owner_guid: UserGuid
  readonly run_as: string | null
  readonly run_as_current_user: boolean
  readonly app_mode: string
  readonly content_category: string
  readonly parameterized: boolean
  readonly bundle_id: BundleId | null
  readonly generation: bigint
  readonly created_time: Date
  readonly last_deployed_time: Date
}

/** A row as one actor sees it. */
export interface Content extends ContentRow {
  readonly app_role: AppRole
  readonly r_version: string | null
  readonly py_version: string | null
  readonly owner: {
    readonly guid: UserGuid
    readonly username: string
    readonly firstName: string
    readonly lastName: string
    readonly email: string
    readonly locked: boolean
  }
}

export interface ContentFilter {
  readonly name?: string | undefined
  readonly ownerGuid?: string | undefined
  readonly guid?: string | undefined
  readonly id?: bigint | undefined
  /** Parts of name, title or description, in any case; all of them. */
  readonly words?: readonly string[] | undefined
  readonly limit?: number | undefined
  readonly offset?: number | undefined
}

type Joined = ContentRow & {
  granted_owner: boolean | null
  r_version: string | null
  py_version: string | null
  username: string
  first_name: string
  last_name: string
  email: string
  owner_locked: boolean
}

/** Content that the actor sees, oldest first. Administrators see all. */
export async function selectContent(sql: Sql | Tx, actor: Actor, filter: ContentFilter): Promise<Content[]> {
  const rows = await sql<Joined[]>`
    select c.*, b.r_version, b.python_version as py_version, g.granted_owner,
      u.username, u.first_name, u.last_name, u.email, u.locked as owner_locked
    ${visible(sql, actor, filter)}
    order by c.id ${filter.limit === undefined ? sql`` : sql`limit ${filter.limit} offset ${filter.offset ?? 0}`}`
  return rows.map((row) => {
    const { granted_owner, username, first_name, last_name, email, owner_locked, ...content } = row
    const granted = granted_owner === null ? null : granted_owner ? ('owner' as const) : ('viewer' as const)
    const role = appRole(actor, { accessType: row.access_type, ownerGuid: row.owner_guid, granted })
    return {
      ...content,
      app_role: role ?? 'none',
      owner: { guid: row.owner_guid, username, firstName: first_name, lastName: last_name, email, locked: owner_locked },
    }
  })
}

export async function countContent(sql: Sql, actor: Actor, filter: ContentFilter): Promise<number> {
  const rows = await sql<{ total: bigint }[]>`select count(*) as total ${visible(sql, actor, filter)}`
  return Number(rows[0]?.total ?? 0)
}

function visible(sql: Sql | Tx, actor: Actor, filter: ContentFilter) {
  const words = (filter.words ?? []).map((word) => `%${word.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`)
  return sql`
    from content c join users u on u.guid = c.owner_guid left join bundles b on b.id = c.bundle_id
    left join lateral (
      select bool_or(p.role = 'owner') as granted_owner from content_permissions p
      where p.content_guid = c.guid and (
        (p.principal_type = 'user' and p.principal_guid = ${actor.userGuid})
        or (p.principal_type = 'group' and p.principal_guid in (select group_guid from group_members where user_guid = ${actor.userGuid})))
    ) g on true
    where (${actor.role === 'administrator'} or c.owner_guid = ${actor.userGuid} or c.access_type <> 'acl' or g.granted_owner is not null)
    ${filter.name === undefined ? sql`` : sql`and c.name = ${filter.name}`}
    ${filter.ownerGuid === undefined ? sql`` : sql`and c.owner_guid::text = ${filter.ownerGuid}`}
    ${filter.guid === undefined ? sql`` : sql`and c.guid = ${filter.guid}`}
    ${filter.id === undefined ? sql`` : sql`and c.id = ${filter.id}`}
    ${words.map((word) => sql`and lower(c.name || ' ' || coalesce(c.title, '') || ' ' || c.description) like ${word}`).reduce((all, next) => sql`${all} ${next}`, sql``)}`
}

export async function insertContent(
  tx: Tx,
  content: {
    readonly guid: ContentGuid
    readonly name: string
    readonly ownerGuid: UserGuid
    readonly runAs: string | null
    readonly settings: Partial<ContentSettings>
  },
): Promise<void> {
  await tx`insert into content ${tx({ guid: content.guid, name: content.name, owner_guid: content.ownerGuid, run_as: content.runAs, ...content.settings })}`
}

/** Locks the row until the end of the transaction. */
export async function lockContent(tx: Tx, guid: ContentGuid): Promise<ContentRow | undefined> {
  return (await tx<ContentRow[]>`select * from content where guid = ${guid} for update`)[0]
}

export interface ContentColumns extends Partial<ContentSettings> {
  readonly name?: string
  readonly owner_guid?: UserGuid
  readonly run_as?: string | null
}

/** Raises the generation; with it every observer sees that something changed. */
export async function updateContent(tx: Tx, guid: ContentGuid, columns: ContentColumns): Promise<void> {
  const names = Object.keys(columns) as (keyof ContentColumns)[]
  // The helper reads the words before it to know that these are assignments: it stands directly after `set`.
  if (names.length > 0)
    await tx`update content set ${tx(columns as Record<string, string | null>, ...names)} where guid = ${guid}`
  await tx`update content set generation = generation + 1 where guid = ${guid}`
}

/** Somebody's rights may have changed: gateways forget whom they let in. */
export async function raiseRightsVersion(tx: Tx, guid: ContentGuid): Promise<void> {
  await tx`update content set rights_version = rights_version + 1 where guid = ${guid}`
  await notifyRoutes(tx)
}

export async function notifyRoutes(tx: Tx): Promise<void> {
  await tx`select pg_notify('routes_changed', '')`
}
