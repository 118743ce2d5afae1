import type { ProcessId, UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { LAST_SEEN_STEP_MS } from '../rest-limits.js'
import type { User } from './user.store.js'

export interface ApiKeyRow {
  readonly id: bigint
  readonly name: string
  readonly createdTime: Date
  readonly lastUsedTime: Date | null
}

export async function insertApiKey(
  tx: Sql | Tx,
  key: {
    readonly userGuid: UserGuid
    readonly name: string
    readonly sha256: Buffer
    readonly hint: string
    readonly processId: ProcessId | null
  },
): Promise<ApiKeyRow> {
  const rows = await tx<ApiKeyRow[]>`
    insert into api_keys (user_guid, name, key_sha256, key_hint, process_id)
    values (${key.userGuid}, ${key.name}, ${key.sha256}, ${key.hint}, ${key.processId})
    returning id, name, created_time as "createdTime", last_used_time as "lastUsedTime"`
  return rows[0] as ApiKeyRow
}

/** A person's keys; those of processes are not theirs to see. */
export async function listApiKeys(sql: Sql, userGuid: UserGuid): Promise<ApiKeyRow[]> {
  return sql<ApiKeyRow[]>`
    select id, name, created_time as "createdTime", last_used_time as "lastUsedTime"
    from api_keys where user_guid = ${userGuid} and process_id is null order by id`
}

export async function deleteApiKey(tx: Tx, userGuid: UserGuid, id: bigint): Promise<string | undefined> {
  const rows = await tx<{ name: string }[]>`
    delete from api_keys where id = ${id} and user_guid = ${userGuid} and process_id is null returning name`
  return rows[0]?.name
}

export async function deleteProcessKeys(sql: Sql | Tx, processId: ProcessId): Promise<void> {
  await sql`delete from api_keys where process_id = ${processId}`
}

/** Whose key it is, and whether it is the key of a process. A process that has ended has no key any more. */
export async function findKeyHolder(
  sql: Sql,
  digest: Buffer,
): Promise<{ user: Pick<User, 'guid' | 'username' | 'role' | 'locked'>; ofProcess: boolean } | undefined> {
  const rows = await sql<
    { keyId: bigint; stale: boolean; ofProcess: boolean; guid: UserGuid; username: string; role: User['role']; locked: boolean }[]
  >`
    select k.id as "keyId", k.process_id is not null as "ofProcess",
      (k.last_used_time is null or k.last_used_time < now() - ${LAST_SEEN_STEP_MS} * interval '1 millisecond') as stale,
      u.guid, u.username, u.user_role as role, u.locked
    from api_keys k join users u on u.guid = k.user_guid left join processes p on p.id = k.process_id
    where k.key_sha256 = ${digest} and (k.process_id is null or p.phase not in ('exited', 'refused'))`
  const row = rows[0]
  if (row === undefined) return undefined
  if (row.stale) await sql`update api_keys set last_used_time = now() where id = ${row.keyId}`
  return { user: { guid: row.guid, username: row.username, role: row.role, locked: row.locked }, ofProcess: row.ofProcess }
}
