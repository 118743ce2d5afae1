// What a Berth that is gone may not leave on the host. Zombies whose parent is a PID 1 that does not reap are nobody's fault.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listProcesses, touches } from './process-table.js'

export interface OwnedThings {
  /** Directories that belong to this Berth alone. */
  readonly dirs: readonly string[]
  /** Accounts that run its content and nothing else. */
  readonly uids: readonly number[]
  /** cgroup directories that were there before it. */
  readonly cgroupsBefore: readonly string[]
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
  const before = new Set(owned.cgroupsBefore)
  for (const dir of listEmptyLeaves()) if (!before.has(dir)) found.push(`cgroup ${dir}`)
  for (const dir of owned.dirs) for (const socket of listSockets(dir)) found.push(`socket ${socket}`)
  return found
}

/** Leaves of contents' processes (`…/berth/p/ID`) without a process: one with processes is in use, maybe by another Berth. */
export function listEmptyLeaves(): string[] {
  return listCgroups().filter((dir) => /\/berth\/p\/[0-9a-f-]{36}$/.test(dir) && isEmpty(dir))
}

function isEmpty(dir: string): boolean {
  try {
    return readFileSync(join(dir, 'cgroup.procs'), 'utf8') === ''
  } catch {
    return false // gone meanwhile
  }
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
