// What /proc says of the host's processes. Every reading may fail: a process ends whenever it likes.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface HostProcess {
  readonly pid: number
  readonly ppid: number
  /** Letter of /proc/PID/stat: `Z` is a zombie. */
  readonly state: string
  /** Field 22: clock ticks since boot. Pid and start time together name a process for good. */
  readonly startTime: number
  /** Real uid. */
  readonly uid: number
  readonly argv: readonly string[]
  /** Target of /proc/PID/exe; empty for kernel threads. */
  readonly exe: string
}

export function listProcesses(): HostProcess[] {
  const found: HostProcess[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const one = readProcess(Number(name))
    if (one !== undefined) found.push(one)
  }
  return found
}

export function readProcess(pid: number): HostProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name is in brackets and may hold anything, brackets included.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return {
      pid,
      state: fields[0] ?? '',
      ppid: Number(fields[1]),
      startTime: Number(fields[19]),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
      argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1),
      exe: link(`/proc/${pid}/exe`),
    }
  } catch {
    return undefined
  }
}

/** True while this very process lives: not a zombie, not another one under the same number. */
export function isAlive(seen: Pick<HostProcess, 'pid' | 'startTime'>): boolean {
  const now = readProcess(seen.pid)
  return now !== undefined && now.startTime === seen.startTime && now.state !== 'Z'
}

/** `root` and all its descendants. */
export function descendantsOf(root: number, processes: readonly HostProcess[] = listProcesses()): HostProcess[] {
  const family = new Set([root])
  for (let before = 0; before !== family.size; ) {
    before = family.size
    for (const one of processes) if (family.has(one.ppid)) family.add(one.pid)
  }
  return processes.filter((one) => family.has(one.pid))
}

/** True when the process holds a file, runs, or was started with a path below one of the directories. */
export function touches(one: HostProcess, dirs: readonly string[]): boolean {
  const below = (path: string): boolean => dirs.some((dir) => path === dir || path.startsWith(`${dir}/`))
  if (one.argv.some((word) => dirs.some((dir) => word.includes(dir)))) return true
  if (below(link(`/proc/${one.pid}/cwd`))) return true
  try {
    return readdirSync(`/proc/${one.pid}/fd`).some((fd) => below(link(`/proc/${one.pid}/fd/${fd}`)))
  } catch {
    return false
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
