import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { checkVariables, type VariableChange } from '@berth/domain/content/check-variables.js'
import { requireContent } from '../access/content-access.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql } from '../platform/postgres.js'
import { contentVariableContext, type SecretBox } from '../platform/secret-box.js'
import type { ProcessesRoom } from '../processes/processes-room.js'
import { VARIABLE_NAME_BYTES_MAX, VARIABLE_VALUE_BYTES_MAX, VARIABLES_PER_CONTENT_MAX } from '../rest-limits.js'
import { updateContent } from './content.store.js'

export interface VariableDeps {
  readonly sql: Sql
  readonly secretBox: SecretBox
  readonly processes: Pick<ProcessesRoom, 'stopAllOfContent'>
  /** Names that content may not set. */
  readonly prohibited: readonly string[]
}

/** Sorted. Values are never given out. */
export async function listVariableNames(sql: Sql, actor: Actor, contentGuid: string): Promise<readonly string[]> {
  const facts = await requireContent(sql, actor, contentGuid, 'change_settings')
  const rows = await sql<
    { name: string }[]
  >`select name from content_environment where content_guid = ${facts.contentGuid} order by name collate "C"`
  return rows.map((row) => row.name)
}

/**
 * Sets and removes variables; replace: all others go. Values are sealed before they leave this program. Processes that run get
 * replaced by ones that see the change (clients restart content that way: spec/jobs-and-scaling 3.2).
 */
export async function changeVariables(
  deps: VariableDeps,
  actor: Actor,
  contentGuid: string,
  changes: readonly VariableChange[],
  options: { readonly replace: boolean },
): Promise<readonly string[]> {
  const facts = await requireContent(deps.sql, actor, contentGuid, 'change_settings')
  const limits = {
    countMax: VARIABLES_PER_CONTENT_MAX,
    nameBytesMax: VARIABLE_NAME_BYTES_MAX,
    valueBytesMax: VARIABLE_VALUE_BYTES_MAX,
  }
  const refusal = checkVariables(changes, limits, deps.prohibited)
  if (refusal !== undefined) {
    throw new AppError(refusal.conflict ? 'conflict' : 'invalid', refusal.message, { apiCode: refusal.apiCode })
  }
  const guid = facts.contentGuid
  const kept = changes.filter((change): change is { name: string; value: string } => change.value !== null)
  const removed = changes.filter((change) => change.value === null).map((change) => change.name)
  if (changes.length > 0 || options.replace) {
    await deps.sql.begin(async (tx) => {
      // First the content's row: two changes at once would otherwise each count without the other.
      await updateContent(tx, guid, {})
      if (options.replace) await tx`delete from content_environment where content_guid = ${guid}`
      else if (removed.length > 0)
        await tx`delete from content_environment where content_guid = ${guid} and name in ${tx(removed)}`
      if (kept.length > 0) {
        const rows = kept.map(({ name, value }) => ({
          content_guid: guid,
          name,
          value_sealed: deps.secretBox.seal(value, contentVariableContext(guid, name)),
        }))
        await tx`
          insert into content_environment ${tx(rows)}
          on conflict (content_guid, name) do update set value_sealed = excluded.value_sealed`
      }
      const [count] = await tx<{ count: bigint }[]>`select count(*) from content_environment where content_guid = ${guid}`
      if ((count?.count ?? 0n) > VARIABLES_PER_CONTENT_MAX) {
        throw new AppError('invalid', `Content can have at most ${VARIABLES_PER_CONTENT_MAX} variables.`, { apiCode: 25 })
      }
      await deps.processes.stopAllOfContent(tx, guid, 'environment_changed')
      await recordAudit(tx, {
        actor,
        action: 'update_environment',
        description: `Changed variables of content ${facts.name}`,
        detail: {
          content_guid: guid,
          set: kept.map(({ name }) => name).join(' '),
          removed: removed.join(' '),
          replaced_all: options.replace,
        },
      })
    })
  }
  return listVariableNames(deps.sql, actor, guid)
}
