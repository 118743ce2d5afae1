// What a Berth that is gone may not leave on the host. Zombies whose parent is a PID 1 that does not reap are nobody's fault.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listProcesses, touches } from './process-table.js'

export interface OwnedThings {
  /** Directories that belong to this Berth alone. */
  readonly dirs: readonly string[]
  /** Accounts that run its content and nothing else. */
  readonly uids: readonly number[]
  /** cgroup directories seen of it while it ran. */
  readonly cgroups: readonly string[]
}

/** One line for each thing that is still there; empty when nothing is. */
export function findLeftovers(owned: OwnedThings): string[] {
  const found: string[] = []
  for (const one of listProcesses()) {
    if (one.pid === process.pid || one.state === 'Z') continue
    if (owned.uids.includes(one.uid) || touches(one, owned.dirs)) {
      found.push(`process ${one.pid} (${one.argv.join(' ').slice(0, 200) || one.exe})`)
    }
  }
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    if (owned.dirs.some((dir) => line.includes(dir))) found.push(`mount ${line}`)
  }
  const cgroups = new Set(listCgroups())
  for (const dir of owned.cgroups) if (cgroups.has(dir)) found.push(`cgroup ${dir}`)
  for (const dir of owned.dirs) for (const socket of listSockets(dir)) found.push(`socket ${socket}`)
  return found
}

/** Every cgroup directory of every hierarchy. */
export function listCgroups(dir = '/sys/fs/cgroup'): string[] {
  const found: string[] = []
  for (const entry of entriesOf(dir)) {
    if (!entry.isDirectory()) continue
    const path = join(dir, entry.name)
    found.push(path, ...listCgroups(path))
  }
  return found
}

export function listSockets(dir: string): string[] {
  const found: string[] = []
  for (const entry of entriesOf(dir)) {
    const path = join(dir, entry.name)
    if (entry.isSocket()) found.push(path)
    else if (entry.isDirectory()) found.push(...listSockets(path))
  }
  return found
}

function entriesOf(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true })
  } catch {
    return []
  }
}
