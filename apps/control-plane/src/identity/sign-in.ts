import { randomBytes } from 'node:crypto'
import { recordAudit } from '../audit/record-audit.js'
import type { Clock } from '../platform/clock.js'
import type { Sql } from '../platform/postgres.js'
import { SESSION_TOKEN_BYTES, USERNAME_CHARS_MAX } from '../rest-limits.js'
import { newApiKey, sha256 } from './api-key.js'
import type { Passwords } from './password.js'
import { deleteSession, insertSession } from './session.store.js'
import { countSignInAttempt, forgiveSignInAttempts } from './sign-in-throttle.js'
import { findUser, findUserByName, type User } from './user.store.js'

export type SignedIn =
  | {
      readonly kind: 'signed_in'
      readonly user: User
      readonly token: string
      readonly xsrfToken: string
      readonly expires: Date
    }
  /** Wrong name, wrong password, no password, locked: the answer does not tell which. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'throttled'; readonly retryAfterS: number }

export async function signIn(
  deps: { readonly sql: Sql; readonly passwords: Passwords; readonly clock: Clock; readonly lifetimeMs: number },
  attempt: { readonly username: string; readonly password: string; readonly address: string },
): Promise<SignedIn> {
  const { sql, passwords, clock } = deps
  const username = attempt.username.trim().slice(0, USERNAME_CHARS_MAX + 1)
  const throttled = await countSignInAttempt(sql, { username, address: attempt.address }, clock.now())
  if (throttled.kind === 'wait') return { kind: 'throttled', retryAfterS: throttled.retryAfterS }
  const user = await findUserByName(sql, username)
  const matches = await passwords.matches(attempt.password, user?.passwordHash ?? null)
  if (user === undefined || !matches || user.locked) {
    const actor = user === undefined ? null : { userGuid: user.guid, username: user.username }
    if (actor !== null)
      await recordAudit(sql, {
        actor,
        action: 'sign_in_failed',
        description: `Refused to sign in ${actor.username}`,
        detail: { address: attempt.address },
      })
    return { kind: 'refused' }
  }
  await forgiveSignInAttempts(sql, { username, address: attempt.address })
  const token = randomBytes(SESSION_TOKEN_BYTES).toString('base64url')
  const xsrfToken = newApiKey()
  const now = clock.now()
  const expires = new Date(now.getTime() + deps.lifetimeMs)
  await sql.begin(async (tx) => {
    await insertSession(tx, { sha256: sha256(token), userGuid: user.guid, xsrfToken, now, expires })
    await tx`update users set active_time = ${now} where guid = ${user.guid}`
    await recordAudit(tx, {
      actor: { userGuid: user.guid, username: user.username },
      action: 'sign_in',
      description: `${user.username} signed in`,
      detail: { address: attempt.address },
    })
  })
  return { kind: 'signed_in', user, token, xsrfToken, expires }
}

/** Ending a session twice is harmless. */
export async function signOut(sql: Sql, token: string): Promise<void> {
  await sql.begin(async (tx) => {
    const userGuid = await deleteSession(tx, sha256(token))
    const user = userGuid === undefined ? undefined : await findUser(tx, userGuid)
    if (user !== undefined)
      await recordAudit(tx, {
        actor: { userGuid: user.guid, username: user.username },
        action: 'sign_out',
        description: `${user.username} signed out`,
      })
  })
}
