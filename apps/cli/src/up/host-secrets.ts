import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Passwords of the private stores, made once per data directory. Only root reads the file. */
export interface HostSecrets {
  readonly postgresPassword: string
  readonly redisPassword: string
}

export function loadHostSecrets(dataDir: string): HostSecrets {
  const path = join(dataDir, 'store-passwords.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as HostSecrets
  const secrets = { postgresPassword: randomBytes(24).toString('hex'), redisPassword: randomBytes(24).toString('hex') }
  const descriptor = openSync(`${path}.new`, 'w', 0o600)
  writeSync(descriptor, JSON.stringify(secrets))
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(`${path}.new`, path)
  return secrets
}
