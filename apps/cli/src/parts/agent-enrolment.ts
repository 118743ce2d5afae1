import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether this host's agent holds a certificate of this host's control plane. Another authority (a data directory that was made
 * anew beside an old state directory) means that it has to enrol again.
 */
export function isEnrolledHere(stateDir: string, dataDir: string): boolean {
  try {
    const identity = JSON.parse(readFileSync(join(stateDir, 'identity/identity.json'), 'utf8')) as { authority?: unknown }
    return identity.authority === readFileSync(join(dataDir, 'db/ca.crt'), 'utf8')
  } catch {
    return false
  }
}
