// Rights to content as rows say: who owns it, who is listed, through which group.
// Promises facts only; what follows from them is decided in packages/domain (access/authorize.ts).
import type { Actor } from '@berth/domain/access/actor.js'
import {
  type AccessType,
  authorize,
  type ContentAccess,
  type ContentAction,
  type PermissionRole,
} from '@berth/domain/access/authorize.js'
import { AppError } from '@berth/domain/app-error.js'
import { type BundleId, type ContentGuid, isUuid, type UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'

export interface ContentFacts extends ContentAccess {
  readonly contentGuid: ContentGuid
  readonly contentId: bigint
  readonly name: string
  readonly bundleId: BundleId | null
  readonly appMode: string
  readonly locked: boolean
}

/** userGuid: null = what everybody may. undefined = there is no such content. */
export async function loadContentAccess(
  sql: Sql | Tx,
  contentGuid: string,
  userGuid: UserGuid | null,
): Promise<ContentFacts | undefined> {
  const rows = await sql<
    (Omit<ContentFacts, 'granted' | 'accessType'> & { accessType: AccessType; grantedOwner: boolean | null })[]
  >`
    select c.guid as "contentGuid", c.id as "contentId", c.name, c.bundle_id as "bundleId", c.app_mode as "appMode", c.locked,
      c.access_type as "accessType", c.owner_guid as "ownerGuid",
      (select bool_or(p.role = 'owner') from content_permissions p
       where p.content_guid = c.guid and (
         (p.principal_type = 'user' and p.principal_guid = ${userGuid})
         or (p.principal_type = 'group' and p.principal_guid in (select group_guid from group_members where user_guid = ${userGuid}))
       )) as "grantedOwner"
    from content c where c.guid = ${contentGuid}`
  const row = rows[0]
  if (row === undefined) return undefined
  const { grantedOwner, ...facts } = row
  const granted: PermissionRole | null = grantedOwner === null ? null : grantedOwner ? 'owner' : 'viewer'
  return { ...facts, granted }
}

/**
 * The facts, when the actor may do it. Fails with 404/4 where the content does not exist and 403 where the actor may not;
 * 400/3 for what is no guid at all.
 */
export async function requireContent(
  sql: Sql | Tx,
  actor: Actor,
  contentGuid: string,
  action: ContentAction,
): Promise<ContentFacts> {
  if (!isUuid(contentGuid)) throw new AppError('invalid', 'That is not the guid of content.', { apiCode: 3 })
  const facts = await loadContentAccess(sql, contentGuid, actor.userGuid)
  if (facts === undefined) throw new AppError('not_found', 'The content does not exist.', { apiCode: 4 })
  if (!authorize(actor, facts, action)) {
    throw new AppError('forbidden', REFUSALS[action], { apiCode: action === 'read_settings' || action === 'visit' ? 19 : 22 })
  }
  return facts
}

const REFUSALS: Readonly<Record<ContentAction, string>> = {
  visit: 'You do not have permission to view this content.',
  visit_draft: 'Only collaborators can see a draft.',
  read_settings: 'You do not have permission to view this content.',
  read_log: 'Only collaborators can see the processes of this content.',
  change_settings: 'You do not have permission to change this content.',
  stop_process: 'You do not have permission to stop processes of this content.',
  change_owner: 'Only the owner or an administrator can give this content to somebody else.',
  delete: 'Only the owner or an administrator can delete this content.',
  change_run_as: 'Only an administrator can change the account that content runs as.',
}
