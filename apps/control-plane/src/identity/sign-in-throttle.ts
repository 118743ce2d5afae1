import type { Sql } from '../platform/postgres.js'
import { ADDRESS_CHARS_MAX, SIGN_IN_WINDOW_MS, SIGN_INS_PER_ACCOUNT_MAX, SIGN_INS_PER_ADDRESS_MAX } from '../rest-limits.js'

export type Throttled = { readonly kind: 'go' } | { readonly kind: 'wait'; readonly retryAfterS: number }

/**
 * Counts an attempt before the password is looked at, for the account and for the address, in rows: all control planes
 * together, also across restarts, and a volley of parallel attempts is counted one by one.
 */
export async function countSignInAttempt(
  sql: Sql,
  who: { readonly username: string; readonly address: string },
  now: Date,
): Promise<Throttled> {
  const account = await count(sql, accountSubject(who.username), now)
  const address = await count(sql, addressSubject(who.address), now)
  const waitMs = Math.max(
    account.attempts > SIGN_INS_PER_ACCOUNT_MAX ? account.leftMs : 0,
    address.attempts > SIGN_INS_PER_ADDRESS_MAX ? address.leftMs : 0,
  )
  return waitMs === 0 ? { kind: 'go' } : { kind: 'wait', retryAfterS: Math.ceil(waitMs / 1000) }
}

/** A sign-in that succeeded clears the account's count and takes its own attempt off the address: many people may share one. */
export async function forgiveSignInAttempts(
  sql: Sql,
  who: { readonly username: string; readonly address: string },
): Promise<void> {
  await sql`delete from sign_in_attempts where subject = ${accountSubject(who.username)}`
  await sql`update sign_in_attempts set attempts = attempts - 1 where subject = ${addressSubject(who.address)} and attempts > 0`
}

async function count(sql: Sql, subject: string, now: Date): Promise<{ attempts: number; leftMs: number }> {
  const over = new Date(now.getTime() - SIGN_IN_WINDOW_MS)
  const rows = await sql<{ attempts: number; windowStart: Date }[]>`
    insert into sign_in_attempts as a (subject, window_start, attempts) values (${subject}, ${now}, 1)
    on conflict (subject) do update set
      attempts = case when a.window_start < ${over} then 1 else a.attempts + 1 end,
      window_start = case when a.window_start < ${over} then excluded.window_start else a.window_start end
    returning attempts, window_start as "windowStart"`
  const row = rows[0] as { attempts: number; windowStart: Date }
  // New subjects cost the old ones: invented names do not fill the table.
  if (row.attempts === 1) await sql`delete from sign_in_attempts where window_start < ${over}`
  return { attempts: row.attempts, leftMs: Math.max(1, row.windowStart.getTime() + SIGN_IN_WINDOW_MS - now.getTime()) }
}

function accountSubject(username: string): string {
  return `account ${username.toLowerCase()}`
}

function addressSubject(address: string): string {
  return `address ${address.slice(0, ADDRESS_CHARS_MAX)}`
}
