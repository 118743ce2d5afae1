import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { UserGuid } from '@berth/domain/ids.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { API_KEY_NAME_CHARS_MAX, API_KEYS_PER_USER_MAX } from '../rest-limits.js'
import { newApiKey, sha256 } from './api-key.js'
import { type ApiKeyRow, deleteApiKey, insertApiKey } from './api-key.store.js'

/** The key itself is in the answer and nowhere else afterwards. */
export async function createApiKey(
  tx: Tx,
  by: Actor | null,
  userGuid: UserGuid,
  name: string,
): Promise<ApiKeyRow & { readonly key: string }> {
  if (name.trim() === '' || [...name].length > API_KEY_NAME_CHARS_MAX) {
    throw new AppError('invalid', `Name the key, with at most ${API_KEY_NAME_CHARS_MAX} characters.`, { apiCode: 25 })
  }
  const [held] = await tx<{ count: bigint }[]>`select count(*) from api_keys where user_guid = ${userGuid} and process_id is null`
  if ((held?.count ?? 0n) >= API_KEYS_PER_USER_MAX) {
    throw new AppError('too_many', `A user has at most ${API_KEYS_PER_USER_MAX} keys: delete some that are not used any more.`)
  }
  const key = newApiKey()
  const row = await insertApiKey(tx, { userGuid, name, sha256: sha256(key), hint: key.slice(-4), processId: null })
  await recordAudit(tx, {
    actor: by,
    action: 'add_api_key',
    description: `Added API key "${name}"`,
    detail: { user_guid: userGuid, id: String(row.id) },
  })
  return { ...row, key }
}

export async function deleteApiKeyOf(sql: Sql, by: Actor, userGuid: UserGuid, id: bigint): Promise<boolean> {
  return sql.begin(async (tx) => {
    const name = await deleteApiKey(tx, userGuid, id)
    if (name === undefined) return false
    await recordAudit(tx, {
      actor: by,
      action: 'remove_api_key',
      description: `Removed API key "${name}"`,
      detail: { user_guid: userGuid, id: String(id) },
    })
    return true
  })
}
