import { readFileSync } from 'node:fs'

/** A pid alone may be somebody else's by now; with its start time it is one process. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly startTime: number
}

/** undefined when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTime: Number(fields[19]) }
  } catch {
    return undefined
  }
}

export function isSame(one: ProcessIdentity): boolean {
  return identify(one.pid)?.startTime === one.startTime
}

/** Signals it unless it is gone. */
export function signalProcess(one: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isSame(one)) return
  try {
    process.kill(one.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
