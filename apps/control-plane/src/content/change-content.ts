import type { RunAsSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { authorize, canPublish } from '@berth/domain/access/authorize.js'
import { AppError } from '@berth/domain/app-error.js'
import { checkContentSettings, type RuntimeBounds } from '@berth/domain/content/check-content-settings.js'
import { type ContentGuid, isUuid, type UserGuid } from '@berth/domain/ids.js'
import { type ContentFacts, requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql, Tx } from '../platform/postgres.js'
import type { ProcessesRoom } from '../processes/processes-room.js'
import { isUniqueViolation } from '../unique-violation.js'
import {
  type ContentColumns,
  type ContentRow,
  lockContent,
  notifyRoutes,
  raiseRightsVersion,
  updateContent,
} from './content.store.js'
import { checkName, nameTaken } from './create-content.js'
import { judgeRunAs } from './judge-run-as.js'
import { type SettingsChange, settingsColumns } from './settings-change.js'

export interface ContentChange {
  readonly settings: SettingsChange
  /** undefined or '' = as it is. */
  readonly name?: string | undefined
  readonly ownerGuid?: string | undefined
  /** undefined = as it is, null = Applications.RunAs. */
  readonly runAs?: string | null | undefined
  readonly runAsCurrentUser?: boolean | undefined
  /** Only when the content still has this generation (If-Match). */
  readonly ifGeneration?: bigint | undefined
}

export interface ChangeDeps {
  readonly sql: Sql
  readonly processes: Pick<ProcessesRoom, 'stopAllOfContent'>
  readonly bounds: RuntimeBounds
  readonly runAs: RunAsSettings
}

/**
 * All of it or nothing, in one transaction with its audit rows. Another account replaces the processes that run
 * a change of anything else leaves them alone.
 */
export async function changeContent(
  deps: ChangeDeps,
  actor: Actor,
  contentGuid: string,
  change: ContentChange,
): Promise<ContentGuid> {
  const facts = await requireContent(deps.sql, actor, contentGuid, 'change_settings')
  const name = change.name === '' ? undefined : change.name
  if (name !== undefined) checkName(name)
  const newOwner = await judgeOwner(deps.sql, actor, facts, change.ownerGuid)
  const runAs = await judgeRunAs(deps.runAs, actor, facts.appMode, change)
  try {
    await deps.sql.begin(async (tx) => {
      const row = await lockContent(tx, facts.contentGuid)
      if (row === undefined) throw new AppError('not_found', 'The content was deleted meanwhile.', { apiCode: 4 })
      if (change.ifGeneration !== undefined && change.ifGeneration !== row.generation) {
        throw new AppError('conflict', 'Somebody else changed the content meanwhile: load it again.', { apiCode: 106 })
      }
      judgeSettings(row, change.settings, deps.bounds)
      const columns: ContentColumns = {
        ...settingsColumns(change.settings),
        ...(name === undefined ? {} : { name }),
        ...(newOwner === undefined ? {} : { owner_guid: newOwner }),
        ...(runAs === undefined ? {} : { run_as: runAs }),
      }
      const changed = (Object.keys(columns) as (keyof ContentColumns)[]).filter((key) => columns[key] !== row[key])
      if (changed.length === 0) return
      await updateContent(tx, row.guid, columns)
      await apply(deps, tx, actor, row, columns, changed)
      await notifyRoutes(tx)
    })
  } catch (cause) {
    if (isUniqueViolation(cause)) throw nameTaken(cause)
    throw cause
  }
  return facts.contentGuid
}

/** What follows from single columns. */
async function apply(
  deps: ChangeDeps,
  tx: Tx,
  actor: Actor,
  row: ContentRow,
  columns: ContentColumns,
  changed: readonly (keyof ContentColumns)[],
): Promise<void> {
  const detail = { content_guid: row.guid }
  if (changed.includes('owner_guid')) {
    // The list never names the owner, and who gave the content away keeps nothing of it.
    await tx`delete from content_permissions where content_guid = ${row.guid} and principal_guid in (${columns.owner_guid ?? null}, ${row.owner_guid})`
    await recordAudit(tx, {
      actor,
      action: 'change_owner',
      description: `Gave content ${row.name} to another owner`,
      detail: { ...detail, from: row.owner_guid, to: columns.owner_guid ?? null },
    })
  }
  if (changed.includes('owner_guid') || changed.includes('access_type')) await raiseRightsVersion(tx, row.guid)
  if (changed.includes('run_as')) {
    const replaced = await deps.processes.stopAllOfContent(tx, row.guid, 'run_as_changed')
    await recordAudit(tx, {
      actor,
      action: 'update_run_as',
      description: `Content ${row.name} runs as ${columns.run_as ?? 'the default account'}`,
      detail: { ...detail, from: row.run_as, to: columns.run_as ?? null, processes_replaced: replaced },
    })
  }
  const rest = changed.filter((key) => key !== 'owner_guid' && key !== 'run_as')
  if (rest.length > 0) {
    await recordAudit(tx, {
      actor,
      action: 'update_content',
      description: `Changed ${rest.join(', ')} of content ${row.name}`,
      detail,
    })
  }
}

/** The settings as they would become: a lower maximum must still fit a minimum set earlier. */
function judgeSettings(row: ContentRow, change: SettingsChange, bounds: RuntimeBounds): void {
  const refusal = checkContentSettings(
    {
      ...change,
      min_processes: change.min_processes === undefined ? row.min_processes : change.min_processes,
      max_processes: change.max_processes === undefined ? row.max_processes : change.max_processes,
    },
    bounds,
  )
  if (refusal !== undefined) throw new AppError('invalid', refusal.message, { apiCode: refusal.apiCode })
}

async function judgeOwner(sql: Sql, actor: Actor, facts: ContentFacts, asked: string | undefined): Promise<UserGuid | undefined> {
  if (asked === undefined || asked === '' || asked === facts.ownerGuid) return undefined
  if (!authorize(actor, facts, 'change_owner')) {
    throw new AppError(
      'forbidden',
      'Only an administrator can give content to somebody else: it runs with an API key of its owner.',
      { apiCode: 22 },
    )
  }
  const rows = isUuid(asked)
    ? await sql<{ role: Actor['role'] }[]>`select user_role as role from users where guid = ${asked}`
    : []
  const role = rows[0]?.role
  if (role === undefined) throw new AppError('not_found', 'The new owner does not exist.', { apiCode: 9 })
  if (!canPublish(role)) {
    throw new AppError('forbidden', 'The new owner does not have permission to publish.', { apiCode: 156 })
  }
  return asked as UserGuid
}
