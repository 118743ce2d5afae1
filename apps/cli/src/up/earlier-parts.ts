// Parts of a `berth up` that was killed notice it by the end of their descriptor 3 and leave. The next start waits for that: two control
// planes would fight for a socket, and the gateway's port would look taken.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSame, type ProcessIdentity, signalProcess } from '../host/process-identity.js'
import { EARLIER_PARTS_WAIT_MS, KILL_WAIT_MS, PART_POLL_MS } from '../limits.js'
import { waitUntil } from '../wait-until.js'

/** Root's alone to write, so that nobody can have us signal something else. */
export function recordParts(runDir: string, parts: readonly ProcessIdentity[]): void {
  const file = join(runDir, 'parts.json')
  writeFileSync(`${file}.new`, JSON.stringify(parts), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Returns how many were still there. */
export async function waitForEarlierParts(runDir: string): Promise<number> {
  const alive = readParts(runDir).filter(isSame)
  const gone = () => !alive.some(isSame)
  if (gone()) return 0
  const left = await waitUntil(gone, { timeoutMs: EARLIER_PARTS_WAIT_MS, pollMs: PART_POLL_MS })
  if (left === undefined) {
    for (const one of alive) signalProcess(one, 'SIGKILL')
    await waitUntil(gone, { timeoutMs: KILL_WAIT_MS, pollMs: PART_POLL_MS })
  }
  return alive.length
}

function readParts(runDir: string): ProcessIdentity[] {
  try {
    return JSON.parse(readFileSync(join(runDir, 'parts.json'), 'utf8')) as ProcessIdentity[]
  } catch {
    return []
  }
}
