import { randomUUID } from 'node:crypto'
import type { RunAsSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { canPublish } from '@berth/domain/access/authorize.js'
import { AppError } from '@berth/domain/app-error.js'
import { checkContentSettings, type RuntimeBounds } from '@berth/domain/content/check-content-settings.js'
import { generatedContentName, isContentName } from '@berth/domain/content/content-name.js'
import type { ContentGuid } from '@berth/domain/ids.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql } from '../platform/postgres.js'
import { randomKey } from '../random-key.js'
import { GENERATED_NAME_TRIES_MAX } from '../rest-limits.js'
import { isUniqueViolation } from '../unique-violation.js'
import { insertContent, notifyRoutes } from './content.store.js'
import { judgeRunAs } from './judge-run-as.js'
import { type SettingsChange, settingsColumns } from './settings-change.js'

export interface NewContent {
  readonly name: string | undefined
  readonly settings: SettingsChange
  readonly runAs?: string | null | undefined
}

/** name: undefined or '' = one is made up. Returns the guid. */
export async function createContent(
  deps: { readonly sql: Sql; readonly bounds: RuntimeBounds; readonly runAs: RunAsSettings },
  actor: Actor,
  wanted: NewContent,
): Promise<ContentGuid> {
  if (!canPublish(actor.role)) {
    throw new AppError('forbidden', 'Viewers cannot publish: ask an administrator to make you a publisher.', { apiCode: 22 })
  }
  const given = wanted.name === '' ? undefined : wanted.name
  if (given !== undefined) checkName(given)
  const refusal = checkContentSettings(wanted.settings, deps.bounds)
  if (refusal !== undefined) throw new AppError('invalid', refusal.message, { apiCode: refusal.apiCode })
  const runAs = await judgeRunAs(deps.runAs, actor, 'unknown', { runAs: wanted.runAs ?? undefined })
  const guid = randomUUID() as ContentGuid
  for (let attempt = 1; ; attempt += 1) {
    const name = given ?? generatedContentName(randomKey(8))
    try {
      await deps.sql.begin(async (tx) => {
        await insertContent(tx, {
          guid,
          name,
          ownerGuid: actor.userGuid,
          runAs: runAs ?? null,
          settings: settingsColumns(wanted.settings),
        })
        await recordAudit(tx, {
          actor,
          action: 'add_content',
          description: `Added content ${name}`,
          detail: { content_guid: guid },
        })
        await notifyRoutes(tx)
      })
      return guid
    } catch (cause) {
      if (!isUniqueViolation(cause)) throw cause
      if (given === undefined && attempt < GENERATED_NAME_TRIES_MAX) continue
      throw nameTaken(cause)
    }
  }
}

export function checkName(name: string): void {
  if (isContentName(name)) return
  throw new AppError('invalid', 'A content name has 3 to 64 letters, digits or "- _ .".', { apiCode: 5 })
}

export function nameTaken(cause: unknown): AppError {
  return new AppError('conflict', 'The owner has other content of this name.', { apiCode: 26, cause })
}
