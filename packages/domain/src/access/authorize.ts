import { assertNever } from '../assert.js'
import type { UserGuid } from '../ids.js'
import type { Actor, UserRole } from './actor.js'

export const ACCESS_TYPES = ['acl', 'logged_in', 'all'] as const
export type AccessType = (typeof ACCESS_TYPES)[number]

/** What a permission row grants: `owner` makes a collaborator. */
export const PERMISSION_ROLES = ['viewer', 'owner'] as const
export type PermissionRole = (typeof PERMISSION_ROLES)[number]

/** What the content's rows say about one actor. */
export interface ContentAccess {
  readonly accessType: AccessType
  readonly ownerGuid: UserGuid
  /** The greatest of the permissions that name the actor or one of the actor's groups. */
  readonly granted: PermissionRole | null
}

/** `app_role` of the API. `none`: an administrator, who may see the configuration but not the content itself. */
export type AppRole = 'owner' | 'editor' | 'viewer' | 'none'

export const CONTENT_ACTIONS = [
  'visit', // the content itself
  'visit_draft', // a bundle that is not active
  'read_settings', // the Content object, its bundles
  'read_log', // jobs and what they wrote
  'change_settings', // title, limits, variables, permissions, bundles, deployments
  'stop_process',
  'change_owner',
  'delete',
  'change_run_as',
] as const
export type ContentAction = (typeof CONTENT_ACTIONS)[number]

/**
 * The actor's relation to the content, undefined = it is not visible. A user whose role is viewer never
 * collaborates, whatever was granted. Source: publisher-api 1.10, 2.2.
 */
export function appRole(actor: Actor, access: ContentAccess): AppRole | undefined {
  if (actor.userGuid === access.ownerGuid) return 'owner'
  if (access.granted === 'owner' && actor.role !== 'viewer') return 'editor'
  if (access.granted !== null || access.accessType !== 'acl') return 'viewer'
  return actor.role === 'administrator' ? 'none' : undefined
}

/**
 * Whether the actor may do it. Administrators manage every content; to look at one that is restricted to a list they
 * put themselves on the list, which leaves a trace. RunAs belongs to administrators alone, owners included.
 */
export function authorize(actor: Actor, access: ContentAccess, action: ContentAction): boolean {
  const role = appRole(actor, access)
  if (role === undefined) return false
  const administrator = actor.role === 'administrator'
  switch (action) {
    case 'visit':
      return role !== 'none'
    case 'visit_draft':
      return role === 'owner' || role === 'editor'
    case 'read_settings':
      return true
    case 'read_log':
    case 'change_settings':
    case 'stop_process':
      return administrator || role === 'editor' || (role === 'owner' && canPublish(actor.role))
    case 'delete':
      return administrator || (role === 'owner' && canPublish(actor.role))
    // Content runs with an API key of its owner: whoever could give theirs away would get the rights of whom they give it to.
    case 'change_owner':
    case 'change_run_as':
      return administrator
    default:
      return assertNever(action)
  }
}

/** Publishers and administrators create content and may own it. */
export function canPublish(role: UserRole): boolean {
  return role !== 'viewer'
}
