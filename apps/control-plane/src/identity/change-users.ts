import { randomUUID } from 'node:crypto'
import type { Actor, UserRole } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { isUuid, type UserGuid } from '@berth/domain/ids.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { USERNAME_CHARS_MAX } from '../rest-limits.js'
import { isUniqueViolation } from '../unique-violation.js'
import { type Passwords, passwordProblem } from './password.js'
import { deleteSessionsOf } from './session.store.js'
import { findUser, findUserByName, insertUser, type User, updateUser } from './user.store.js'

export interface NewUser {
  readonly username: string
  readonly email?: string | undefined
  readonly firstName?: string | undefined
  readonly lastName?: string | undefined
  readonly role: UserRole
  /** Absent: the user cannot sign in until a password is set. */
  readonly password?: string | undefined
}

export type ChangedUser = Partial<Omit<NewUser, 'password'>>

const USERNAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/

export async function createUser(
  deps: { readonly sql: Sql; readonly passwords: Passwords },
  by: Actor | null,
  user: NewUser,
): Promise<User> {
  checkUsername(user.username)
  const passwordHash = user.password === undefined ? null : await hashOf(deps.passwords, user.password)
  return deps.sql.begin(async (tx) => {
    const created = await unlessTaken(() => addUser(tx, { ...user, passwordHash }))
    await recordAudit(tx, {
      actor: by,
      action: 'add_user',
      description: `Added user ${user.username} as ${user.role}`,
      detail: { user_guid: created.guid },
    })
    return created
  })
}

export async function addUser(tx: Tx, user: Omit<NewUser, 'password'> & { readonly passwordHash: string | null }): Promise<User> {
  return insertUser(tx, {
    guid: randomUUID() as UserGuid,
    username: user.username,
    email: user.email ?? '',
    firstName: user.firstName ?? '',
    lastName: user.lastName ?? '',
    role: user.role,
    passwordHash: user.passwordHash,
  })
}

/** Administrators change everybody; others their own names and address, but not their role. */
export async function changeUser(sql: Sql, by: Actor, guid: string, change: ChangedUser): Promise<User> {
  if (change.username !== undefined) checkUsername(change.username)
  return sql.begin(async (tx) => {
    const user = await requireUser(tx, guid)
    const administrator = by.role === 'administrator'
    const changesRank =
      (change.role !== undefined && change.role !== user.role) ||
      (change.username !== undefined && change.username !== user.username)
    if (!administrator && (by.userGuid !== user.guid || changesRank)) {
      throw new AppError('forbidden', 'Only an administrator can change other users, roles and user names.', { apiCode: 22 })
    }
    if (user.role === 'administrator' && (change.role ?? user.role) !== 'administrator') await refuseLastAdministrator(tx, user)
    const changed = await unlessTaken(() =>
      updateUser(tx, user.guid, {
        username: change.username ?? user.username,
        email: change.email ?? user.email,
        firstName: change.firstName ?? user.firstName,
        lastName: change.lastName ?? user.lastName,
        role: change.role ?? user.role,
      }),
    )
    if (changed.role !== user.role) await forgetVisitsOfEverything(tx)
    await recordAudit(tx, {
      actor: by,
      action: 'update_user',
      description: `Changed user ${changed.username}`,
      detail: { user_guid: user.guid, role: changed.role },
    })
    return changed
  })
}

/** A locked user's sessions end and the keys stop working. Does not touch updated_time: clients compare whole objects. */
export async function setUserLocked(sql: Sql, by: Actor | null, guid: string, locked: boolean): Promise<User> {
  return sql.begin(async (tx) => {
    const user = await requireUser(tx, guid)
    if (user.locked === locked) return user
    if (locked && user.role === 'administrator') await refuseLastAdministrator(tx, user)
    await tx`update users set locked = ${locked} where guid = ${user.guid}`
    if (locked) await deleteSessionsOf(tx, user.guid)
    await forgetVisitsOfEverything(tx)
    await recordAudit(tx, {
      actor: by,
      action: 'lock_user',
      description: `${locked ? 'Locked' : 'Unlocked'} user ${user.username}`,
      detail: { user_guid: user.guid },
    })
    return { ...user, locked }
  })
}

export async function resetPassword(
  deps: { readonly sql: Sql; readonly passwords: Passwords },
  by: Actor | null,
  username: string,
  password: string,
): Promise<void> {
  const passwordHash = await hashOf(deps.passwords, password)
  await deps.sql.begin(async (tx) => {
    const user = await findUserByName(tx, username)
    if (user === undefined) throw new AppError('not_found', `There is no user "${username}".`, { apiCode: 9 })
    await tx`update users set password_hash = ${passwordHash} where guid = ${user.guid}`
    await deleteSessionsOf(tx, user.guid)
    await recordAudit(tx, {
      actor: by,
      action: 'set_password',
      description: `Set the password of ${user.username}`,
      detail: { user_guid: user.guid },
    })
  })
}

async function requireUser(tx: Tx, guid: string): Promise<User> {
  const user = isUuid(guid) ? await findUser(tx, guid) : undefined
  if (user === undefined) throw new AppError('not_found', 'The user does not exist.', { apiCode: 9 })
  return user
}

async function refuseLastAdministrator(tx: Tx, user: User): Promise<void> {
  // The lock makes two administrators who demote each other at once wait for each other.
  const others = await tx`
    select guid from users where user_role = 'administrator' and not locked and guid <> ${user.guid} for update`
  if (others.length === 0) throw new AppError('invalid', 'There must be an administrator who is not locked.', { apiCode: 61 })
}

/** Any content may be affected: gateways drop what they remember. */
async function forgetVisitsOfEverything(tx: Tx): Promise<void> {
  await tx`update content set rights_version = rights_version + 1`
  await tx`select pg_notify('routes_changed', '')`
}

async function hashOf(passwords: Passwords, password: string): Promise<string> {
  const problem = passwordProblem(password)
  if (problem !== undefined) throw new AppError('invalid', problem, { apiCode: 6 })
  return passwords.hash(password)
}

function checkUsername(username: string): void {
  if (username.length > USERNAME_CHARS_MAX || !USERNAME.test(username)) {
    throw new AppError('invalid', `A user name has letters, digits and "_ . @ -", at most ${USERNAME_CHARS_MAX} characters.`, {
      apiCode: 7,
    })
  }
}

async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isUniqueViolation(cause)) throw new AppError('conflict', 'The user name is already in use.', { apiCode: 8, cause })
    throw cause
  }
}
