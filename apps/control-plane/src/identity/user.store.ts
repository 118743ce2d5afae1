import type { UserRole } from '@berth/domain/access/actor.js'
import type { UserGuid } from '@berth/domain/ids.js'
import type { Sql, Tx } from '../platform/postgres.js'

export interface User {
  readonly guid: UserGuid
  readonly id: bigint
  readonly username: string
  readonly email: string
  readonly firstName: string
  readonly lastName: string
  readonly role: UserRole
  readonly confirmed: boolean
  readonly locked: boolean
  readonly createdTime: Date
  readonly updatedTime: Date
  readonly activeTime: Date | null
}

export interface UserFilter {
  readonly prefix: string | undefined
  readonly roles: readonly string[] | undefined
  readonly locked: boolean | undefined
  readonly ascending: boolean
  readonly limit: number
  readonly offset: number
}

const columns = (sql: Sql | Tx) => sql`
  guid, id, username, email, first_name as "firstName", last_name as "lastName", user_role as role, confirmed, locked,
  created_time as "createdTime", updated_time as "updatedTime", active_time as "activeTime"`

export async function findUser(sql: Sql | Tx, guid: string): Promise<User | undefined> {
  return (await sql<User[]>`select ${columns(sql)} from users where guid = ${guid}`)[0]
}

export async function findUserByName(
  sql: Sql | Tx,
  username: string,
): Promise<(User & { passwordHash: string | null }) | undefined> {
  return (
    await sql<(User & { passwordHash: string | null })[]>`
      select ${columns(sql)}, password_hash as "passwordHash" from users where lower(username) = lower(${username})`
  )[0]
}

export async function insertUser(
  tx: Sql | Tx,
  user: Pick<User, 'guid' | 'username' | 'email' | 'firstName' | 'lastName' | 'role'> & { readonly passwordHash: string | null },
): Promise<User> {
  const rows = await tx<User[]>`
    insert into users (guid, username, email, first_name, last_name, user_role, password_hash)
    values (${user.guid}, ${user.username}, ${user.email}, ${user.firstName}, ${user.lastName}, ${user.role}, ${user.passwordHash})
    returning ${columns(tx)}`
  return rows[0] as User
}

export async function updateUser(
  tx: Tx,
  guid: UserGuid,
  user: Pick<User, 'username' | 'email' | 'firstName' | 'lastName' | 'role'>,
): Promise<User> {
  const rows = await tx<User[]>`
    update users set username = ${user.username}, email = ${user.email}, first_name = ${user.firstName},
      last_name = ${user.lastName}, user_role = ${user.role}, updated_time = now()
    where guid = ${guid} returning ${columns(tx)}`
  return rows[0] as User
}

/** Ordered by name. A prefix matches the user name and either other name. */
export async function listUsers(sql: Sql, filter: UserFilter): Promise<{ users: User[]; total: number }> {
  const prefix = filter.prefix === undefined ? undefined : `${filter.prefix.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
  const where = sql`
    where true
    ${prefix === undefined ? sql`` : sql`and (lower(username) like ${prefix} or lower(first_name) like ${prefix} or lower(last_name) like ${prefix})`}
    ${filter.roles === undefined ? sql`` : sql`and user_role in ${sql([...filter.roles])}`}
    ${filter.locked === undefined ? sql`` : sql`and locked = ${filter.locked}`}`
  const [counted] = await sql<{ total: bigint }[]>`select count(*) as total from users ${where}`
  const users = await sql<User[]>`
    select ${columns(sql)} from users ${where}
    order by lower(username) ${filter.ascending ? sql`asc` : sql`desc`} limit ${filter.limit} offset ${filter.offset}`
  return { users: [...users], total: Number(counted?.total ?? 0) }
}
