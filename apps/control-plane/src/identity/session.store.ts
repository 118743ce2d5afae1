import type { UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { LAST_SEEN_STEP_MS } from '../rest-limits.js'
import type { User } from './user.store.js'

export interface SessionHolder {
  readonly user: Pick<User, 'guid' | 'username' | 'role' | 'locked'>
  readonly xsrfToken: string
}

export async function insertSession(
  tx: Tx,
  session: {
    readonly sha256: Buffer
    readonly userGuid: UserGuid
    readonly xsrfToken: string
    readonly now: Date
    readonly expires: Date
  },
): Promise<void> {
  await tx`
    insert into sessions (token_sha256, user_guid, xsrf_token, created_time, last_seen_time, expires_time)
    values (${session.sha256}, ${session.userGuid}, ${session.xsrfToken}, ${session.now}, ${session.now}, ${session.expires})`
  // Sessions that ended by themselves leave with the next sign-in.
  await tx`delete from sessions where expires_time < ${session.now}`
}

/** undefined = no such session, or it ended. Moves last_seen_time, at most once a minute. */
export async function findSessionHolder(
  sql: Sql,
  digest: Buffer,
  options: { readonly now: Date; readonly inactivityMs: number },
): Promise<SessionHolder | undefined> {
  const { now, inactivityMs } = options
  const rows = await sql<
    { lastSeen: Date; xsrfToken: string; guid: UserGuid; username: string; role: User['role']; locked: boolean }[]
  >`
    select s.last_seen_time as "lastSeen", s.xsrf_token as "xsrfToken", u.guid, u.username, u.user_role as role, u.locked
    from sessions s join users u on u.guid = s.user_guid
    where s.token_sha256 = ${digest} and s.expires_time > ${now}`
  const row = rows[0]
  if (row === undefined) return undefined
  const idleMs = now.getTime() - row.lastSeen.getTime()
  if (inactivityMs > 0 && idleMs > inactivityMs) return undefined
  if (idleMs > LAST_SEEN_STEP_MS) {
    await sql`update sessions set last_seen_time = ${now} where token_sha256 = ${digest}`
    await sql`update users set active_time = ${now} where guid = ${row.guid}`
  }
  return { user: { guid: row.guid, username: row.username, role: row.role, locked: row.locked }, xsrfToken: row.xsrfToken }
}

export async function deleteSession(tx: Tx | Sql, digest: Buffer): Promise<UserGuid | undefined> {
  return (
    await tx<{ userGuid: UserGuid }[]>`delete from sessions where token_sha256 = ${digest} returning user_guid as "userGuid"`
  )[0]?.userGuid
}

export async function deleteSessionsOf(tx: Tx, userGuid: UserGuid): Promise<void> {
  await tx`delete from sessions where user_guid = ${userGuid}`
}
