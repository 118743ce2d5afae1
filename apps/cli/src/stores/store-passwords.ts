import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabasePasswords } from '@berth/config/derive-part-settings.js'

/** Passwords of the private stores, made once per data directory. Only root reads the file. */
export function loadStorePasswords(dataDir: string): DatabasePasswords {
  const path = join(dataDir, 'store-passwords.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as DatabasePasswords
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  const made: DatabasePasswords = { postgres: randomBytes(24).toString('hex'), redis: randomBytes(24).toString('hex') }
  const descriptor = openSync(`${path}.new`, 'w', 0o600)
  writeSync(descriptor, JSON.stringify(made))
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(`${path}.new`, path)
  return made
}
