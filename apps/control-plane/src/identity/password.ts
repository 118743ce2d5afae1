import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { createGate } from '../gate.js'
import { PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from '../rest-limits.js'

export interface Passwords {
  hash(password: string): Promise<string>
  /** stored: null = the account has no password; the answer takes as long as a real check. */
  matches(password: string, stored: string | null): Promise<boolean>
}

/** argon2id with the library's defaults (19 MiB, 2 passes), a bounded number of them at once. */
export function createPasswords(): Passwords {
  const gate = createGate({
    atOnce: PASSWORD_CHECKS_AT_ONCE,
    waiting: PASSWORD_CHECKS_WAITING_MAX,
    refusal: 'Too many people sign in at the moment. Try again in a few seconds.',
  })
  // Against it an unknown account is checked, so that answers do not tell which accounts exist.
  let nobody: Promise<string> | undefined
  return {
    hash: (password) => gate.pass(() => hash(password)),
    async matches(password, stored) {
      if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return false
      nobody ??= gate.pass(() => hash(randomBytes(16).toString('hex')))
      const against = stored ?? (await nobody)
      const matches = await gate.pass(() => verify(against, password))
      return matches && stored !== null
    },
  }
}

/** Refuses what would be too easy to guess; undefined = fine. */
export function passwordProblem(password: string): string | undefined {
  if ([...password].length < PASSWORD_CHARS_MIN) return `A password has at least ${PASSWORD_CHARS_MIN} characters.`
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return `A password has at most ${PASSWORD_BYTES_MAX} bytes.`
  return undefined
}
