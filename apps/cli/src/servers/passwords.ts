import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServerPasswords {
  readonly postgres: string
  readonly redis: string
}

/** Passwords of the private servers, kept where only root reads; undefined when there never were such servers. */
export function readServerPasswords(dataDir: string): ServerPasswords | undefined {
  const file = fileIn(dataDir)
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ServerPasswords
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`cannot read ${file}`, { cause: error })
  }
}

/** Before the servers are made. */
export function makeServerPasswords(dataDir: string): ServerPasswords {
  const file = fileIn(dataDir)
  const made: ServerPasswords = { postgres: randomBytes(24).toString('hex'), redis: randomBytes(24).toString('hex') }
  writeFileSync(`${file}.new`, `${JSON.stringify(made)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  return made
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'server-passwords.json')
}
