import type { Actor } from '@berth/domain/access/actor.js'
import { PERMISSION_ROLES, type PermissionRole } from '@berth/domain/access/authorize.js'
import { AppError } from '@berth/domain/app-error.js'
import { type ContentGuid, isUuid } from '@berth/domain/ids.js'
import { type ContentFacts, requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { PERMISSIONS_PER_CONTENT_MAX } from '../rest-limits.js'
import { raiseRightsVersion } from './content.store.js'

export interface Permission {
  readonly id: bigint
  readonly contentGuid: ContentGuid
  readonly principalGuid: string
  readonly principalType: 'user' | 'group'
  readonly role: PermissionRole
}

const columns = (sql: Sql | Tx) =>
  sql`id, content_guid as "contentGuid", principal_guid as "principalGuid", principal_type as "principalType", role`

/** In the order in which they were given. */
export async function listPermissions(sql: Sql, actor: Actor, contentGuid: string): Promise<readonly Permission[]> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  return sql<Permission[]>`select ${columns(sql)} from content_permissions where content_guid = ${facts.contentGuid} order by id`
}

export async function getPermission(sql: Sql, actor: Actor, contentGuid: string, id: bigint): Promise<Permission> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  return required(
    await sql<
      Permission[]
    >`select ${columns(sql)} from content_permissions where content_guid = ${facts.contentGuid} and id = ${id}`,
  )
}

/** Who is listed already gets the new role. */
export async function addPermission(
  sql: Sql,
  actor: Actor,
  contentGuid: string,
  wanted: { readonly principalGuid: string; readonly principalType: string; readonly role: string },
): Promise<Permission> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  const role = requireRole(wanted.role)
  const { principalType } = wanted
  if (principalType !== 'user' && principalType !== 'group') {
    throw new AppError('invalid', 'principal_type is user or group.', { apiCode: 152 })
  }
  if (wanted.principalGuid === facts.ownerGuid) {
    throw new AppError('invalid', 'The owner is not part of the list.', { apiCode: 34 })
  }
  return sql.begin(async (tx) => {
    await requirePrincipal(tx, principalType, wanted.principalGuid)
    const [count] = await tx<
      { count: bigint }[]
    >`select count(*) from content_permissions where content_guid = ${facts.contentGuid}`
    if ((count?.count ?? 0n) >= PERMISSIONS_PER_CONTENT_MAX) {
      throw new AppError('invalid', `At most ${PERMISSIONS_PER_CONTENT_MAX} can be listed: use groups.`, { apiCode: 25 })
    }
    const permission = required(
      await tx<Permission[]>`
        insert into content_permissions (content_guid, principal_guid, principal_type, role)
        values (${facts.contentGuid}, ${wanted.principalGuid}, ${principalType}, ${role})
        on conflict (content_guid, principal_guid) do update set role = excluded.role
        returning ${columns(tx)}`,
    )
    await changed(tx, actor, facts, 'add_permission', permission)
    return permission
  })
}

export async function changePermission(
  sql: Sql,
  actor: Actor,
  contentGuid: string,
  id: bigint,
  roleText: string,
): Promise<Permission> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  const role = requireRole(roleText)
  return sql.begin(async (tx) => {
    const permission = required(
      await tx<Permission[]>`
        update content_permissions set role = ${role} where content_guid = ${facts.contentGuid} and id = ${id} returning ${columns(tx)}`,
    )
    await changed(tx, actor, facts, 'update_permission', permission)
    return permission
  })
}

export async function removePermission(sql: Sql, actor: Actor, contentGuid: string, id: bigint): Promise<void> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  await sql.begin(async (tx) => {
    const permission = required(
      await tx<Permission[]>`
        delete from content_permissions where content_guid = ${facts.contentGuid} and id = ${id} returning ${columns(tx)}`,
    )
    await changed(tx, actor, facts, 'remove_permission', permission)
  })
}

async function changed(
  tx: Tx,
  actor: Actor,
  facts: ContentFacts,
  action: 'add_permission' | 'update_permission' | 'remove_permission',
  permission: Permission,
): Promise<void> {
  await raiseRightsVersion(tx, facts.contentGuid)
  const verb = { add_permission: 'Listed', update_permission: 'Changed', remove_permission: 'Removed' }[action]
  await recordAudit(tx, {
    actor,
    action,
    description: `${verb} a ${permission.principalType} as ${permission.role === 'owner' ? 'collaborator' : 'viewer'} of content ${facts.name}`,
    detail: { content_guid: facts.contentGuid, principal_guid: permission.principalGuid },
  })
}

async function requirePrincipal(tx: Tx, type: 'user' | 'group', guid: string): Promise<void> {
  const rows = !isUuid(guid)
    ? []
    : type === 'user'
      ? await tx`select 1 from users where guid = ${guid}`
      : await tx`select 1 from groups where guid = ${guid}`
  if (rows.length === 0) throw new AppError('not_found', `The ${type} does not exist.`, { apiCode: type === 'user' ? 9 : 153 })
}

function requireRole(text: string): PermissionRole {
  const role = PERMISSION_ROLES.find((known) => known === text)
  if (role === undefined) throw new AppError('invalid', 'role is viewer or owner (a collaborator).', { apiCode: 112 })
  return role
}

function required(rows: readonly Permission[]): Permission {
  if (rows[0] === undefined) throw new AppError('not_found', 'The permission does not exist.', { apiCode: 4 })
  return rows[0]
}
