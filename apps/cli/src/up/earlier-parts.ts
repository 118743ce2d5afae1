// Parts of a `berth up` that was killed notice it by the end of their descriptor 3 and leave. The next start waits for that: two control
// planes would fight for a socket, and the gateway's port would look taken.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import { identify, isSame, type ProcessIdentity, signalProcess } from '../host/process-identity.js'
import { EARLIER_PARTS_WAIT_MS, KILL_WAIT_MS, PART_POLL_MS } from '../limits.js'
import { waitUntil } from '../wait-until.js'

interface UpRecord {
  readonly dataDir: string
  readonly parts: readonly ProcessIdentity[]
}

/** Root's alone to write, so that nobody can have us signal something else. */
export function recordParts(runDir: string, record: UpRecord): void {
  const file = join(runDir, 'parts.json')
  writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** After an orderly stop. */
export function forgetParts(runDir: string): void {
  rmSync(join(runDir, 'parts.json'), { force: true })
}

/** Returns how many were still there. Throws when a killed Berth of another data directory still has its servers in this run directory. */
export async function waitForEarlierParts(runDir: string, dataDir: string): Promise<number> {
  const record = readRecord(runDir)
  if (record === undefined) return 0
  if (record.dataDir !== dataDir && hasPostgres(record.dataDir)) {
    throw new AppError(
      'conflict',
      `a Berth with its data in ${record.dataDir} was killed and lives on in ${runDir}: start it again with --data-dir ${record.dataDir} and stop it, or set Server.RunDir`,
    )
  }
  const alive = record.parts.filter(isSame)
  const gone = () => !alive.some(isSame)
  if (gone()) return 0
  const left = await waitUntil(gone, { timeoutMs: EARLIER_PARTS_WAIT_MS, pollMs: PART_POLL_MS })
  if (left === undefined) {
    for (const one of alive) signalProcess(one, 'SIGKILL')
    await waitUntil(gone, { timeoutMs: KILL_WAIT_MS, pollMs: PART_POLL_MS })
  }
  return alive.length
}

function readRecord(runDir: string): UpRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(runDir, 'parts.json'), 'utf8')) as Partial<UpRecord>
    // Another build may have written it in another shape: then nothing is known of earlier parts, which is no reason not to start.
    if (typeof record.dataDir !== 'string' || !Array.isArray(record.parts)) return undefined
    return { dataDir: record.dataDir, parts: record.parts }
  } catch {
    return undefined
  }
}

function hasPostgres(dataDir: string): boolean {
  try {
    const pid = Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
    return identify(pid) !== undefined
  } catch {
    return false
  }
}
