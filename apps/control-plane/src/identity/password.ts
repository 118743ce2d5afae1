import { randomBytes } from 'node:crypto'
import { AppError } from '@berth/domain/app-error.js'
import { hash, verify } from '@node-rs/argon2'
import { PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from '../rest-limits.js'

export interface Passwords {
  hash(password: string): Promise<string>
  /** stored: null = the account has no password; the answer takes as long as a real check. */
  matches(password: string, stored: string | null): Promise<boolean>
}

/** argon2id with the library's defaults (19 MiB, 2 passes), a bounded number of them at once. */
export function createPasswords(): Passwords {
  let running = 0
  const waiting: (() => void)[] = []
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < PASSWORD_CHECKS_AT_ONCE) running += 1
    else {
      if (waiting.length >= PASSWORD_CHECKS_WAITING_MAX) {
        throw new AppError('too_many', 'Too many people sign in at the moment. Try again in a few seconds.')
      }
      // The one who leaves hands over its place: `running` does not change.
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
  // Against it an unknown account is checked, so that answers do not tell which accounts exist.
  let nobody: Promise<string> | undefined
  return {
    hash: (password) => bounded(() => hash(password)),
    async matches(password, stored) {
      if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return false
      nobody ??= bounded(() => hash(randomBytes(16).toString('hex')))
      const against = stored ?? (await nobody)
      const matches = await bounded(() => verify(against, password))
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
