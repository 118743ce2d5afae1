import { createHash } from 'node:crypto'
import { ProcessSpec } from './gen/berth/agent/v1/workload.js'

/**
 * Digest of a desired set: SHA-256 over each ProcessSpec's encoding, length first, in the order given
 * (by process_id on the wire). Both sides compute it, so the environment is put in order of names before: a map has none.
 */
export function desiredDigest(processes: readonly ProcessSpec[]): Buffer {
  const hash = createHash('sha256')
  for (const spec of processes) {
    const bytes = ProcessSpec.encode({ ...spec, env: inOrderOfNames(spec.env) }).finish()
    hash.update(`${bytes.length}:`)
    hash.update(bytes)
  }
  return hash.digest()
}

function inOrderOfNames(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)))
}
