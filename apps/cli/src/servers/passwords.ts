import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServerPasswords {
  readonly postgres: string
  readonly redis: string
}

/** Passwords of the private servers: made once, kept where only root reads. */
export function loadServerPasswords(dataDir: string): ServerPasswords {
  const file = join(dataDir, 'server-passwords.json')
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ServerPasswords
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new Error(`cannot read ${file}`, { cause: error })
  }
  const made: ServerPasswords = { postgres: randomBytes(24).toString('hex'), redis: randomBytes(24).toString('hex') }
  writeFileSync(`${file}.new`, `${JSON.stringify(made)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  return made
}
