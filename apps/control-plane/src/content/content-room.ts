// Content: items, their settings, variables and permissions, and the account that they run as.
// Owns the tables content, content_environment, content_permissions.
// Promises that a change, what follows from it (rights, routes, processes) and its audit row commit together, and that a
// variable's value is sealed at rest and never given out here.
// Leaves to others: bundles (publishing/), processes (processes/), who is calling (identity/).
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import type { ContentAction } from '@berth/domain/access/authorize.js'
import { AppError } from '@berth/domain/app-error.js'
import type { RuntimeBounds } from '@berth/domain/content/check-content-settings.js'
import type { VariableChange } from '@berth/domain/content/check-variables.js'
import type { ContentGuid } from '@berth/domain/ids.js'
import { type ContentFacts, requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql } from '../platform/postgres.js'
import type { SecretBox } from '../platform/secret-box.js'
import type { ProcessesRoom } from '../processes/processes-room.js'
import type { PublishingRoom } from '../publishing/publishing-room.js'
import { DESCRIPTION_CHARS_MAX, TITLE_CHARS_MAX, TITLE_CHARS_MIN } from '../rest-limits.js'
import { type ContentChange, changeContent } from './change-content.js'
import { type Content, type ContentFilter, countContent, notifyRoutes, selectContent } from './content.store.js'
import { createContent, type NewContent } from './create-content.js'
import {
  addPermission,
  changePermission,
  getPermission,
  listPermissions,
  type Permission,
  removePermission,
} from './permissions.js'
import { changeVariables, listVariableNames } from './variables.js'

export interface ContentRoom {
  /** What the actor sees, oldest first. */
  list(actor: Actor, filter: ContentFilter): Promise<readonly Content[]>
  count(actor: Actor, filter: ContentFilter): Promise<number>
  get(actor: Actor, contentGuid: string): Promise<Content>
  /** By the numeric id of older clients. */
  getById(actor: Actor, id: bigint): Promise<Content>
  /** The rights to it, when the actor may do it. */
  require(actor: Actor, contentGuid: string, action: ContentAction): Promise<ContentFacts>
  create(actor: Actor, wanted: NewContent): Promise<Content>
  change(actor: Actor, contentGuid: string, change: ContentChange): Promise<Content>
  remove(actor: Actor, contentGuid: string): Promise<void>

  listVariableNames(actor: Actor, contentGuid: string): Promise<readonly string[]>
  changeVariables(
    actor: Actor,
    contentGuid: string,
    changes: readonly VariableChange[],
    options: { readonly replace: boolean },
  ): Promise<readonly string[]>

  listPermissions(actor: Actor, contentGuid: string): Promise<readonly Permission[]>
  getPermission(actor: Actor, contentGuid: string, id: bigint): Promise<Permission>
  addPermission(
    actor: Actor,
    contentGuid: string,
    wanted: { readonly principalGuid: string; readonly principalType: string; readonly role: string },
  ): Promise<Permission>
  changePermission(actor: Actor, contentGuid: string, id: bigint, role: string): Promise<Permission>
  removePermission(actor: Actor, contentGuid: string, id: bigint): Promise<void>
}

export interface ContentDeps {
  readonly sql: Sql
  readonly secretBox: SecretBox
  readonly processes: Pick<ProcessesRoom, 'stopAllOfContent'>
  readonly publishing: Pick<PublishingRoom, 'removeArchivesOf'>
  readonly settings: Pick<ControlPlaneSettings, 'runAs' | 'scheduler' | 'prohibitedEnvironment'>
}

export function createContentRoom(deps: ContentDeps): ContentRoom {
  const { sql, settings } = deps
  const bounds: RuntimeBounds = {
    maxProcessesLimit: settings.scheduler.maxProcessesLimit,
    minProcessesLimit: settings.scheduler.minProcessesLimit,
    titleCharsMin: TITLE_CHARS_MIN,
    titleCharsMax: TITLE_CHARS_MAX,
    descriptionCharsMax: DESCRIPTION_CHARS_MAX,
  }
  const variableDeps = { ...deps, prohibited: settings.prohibitedEnvironment }
  const get = async (actor: Actor, contentGuid: string): Promise<Content> => {
    const facts = await requireContent(sql, actor, contentGuid, 'read_settings')
    const content = (await selectContent(sql, actor, { guid: facts.contentGuid }))[0]
    if (content === undefined) throw new AppError('not_found', 'The content does not exist.', { apiCode: 4 })
    return content
  }

  return {
    list: (actor, filter) => selectContent(sql, actor, filter),
    count: (actor, filter) => countContent(sql, actor, filter),
    get,
    async getById(actor, id) {
      const [row] = await sql<{ guid: ContentGuid }[]>`select guid from content where id = ${id}`
      if (row === undefined) throw new AppError('not_found', 'The content does not exist.', { apiCode: 4 })
      return get(actor, row.guid)
    },
    require: (actor, contentGuid, action) => requireContent(sql, actor, contentGuid, action),
    create: async (actor, wanted) => get(actor, await createContent({ sql, bounds, runAs: settings.runAs }, actor, wanted)),
    change: async (actor, contentGuid, change) =>
      get(
        actor,
        await changeContent({ sql, processes: deps.processes, bounds, runAs: settings.runAs }, actor, contentGuid, change),
      ),

    async remove(actor, contentGuid) {
      const facts = await requireContent(sql, actor, contentGuid, 'delete')
      if (facts.locked) throw new AppError('forbidden', 'The content is locked: unlock it to delete it.', { apiCode: 22 })
      await sql.begin(async (tx) => {
        await deps.processes.stopAllOfContent(tx, facts.contentGuid, 'content_deleted')
        // Its processes' rows go with it: what is not in a node's desired set any more is ended there.
        await tx`delete from content where guid = ${facts.contentGuid}`
        await recordAudit(tx, {
          actor,
          action: 'remove_content',
          description: `Deleted content ${facts.name}`,
          detail: { content_guid: facts.contentGuid },
        })
        await notifyRoutes(tx)
      })
      await deps.publishing.removeArchivesOf(facts.contentGuid)
    },

    listVariableNames: (actor, contentGuid) => listVariableNames(sql, actor, contentGuid),
    changeVariables: (actor, contentGuid, changes, options) =>
      changeVariables(variableDeps, actor, contentGuid, changes, options),

    listPermissions: (actor, contentGuid) => listPermissions(sql, actor, contentGuid),
    getPermission: (actor, contentGuid, id) => getPermission(sql, actor, contentGuid, id),
    addPermission: (actor, contentGuid, wanted) => addPermission(sql, actor, contentGuid, wanted),
    changePermission: (actor, contentGuid, id, role) => changePermission(sql, actor, contentGuid, id, role),
    removePermission: (actor, contentGuid, id) => removePermission(sql, actor, contentGuid, id),
  }
}
