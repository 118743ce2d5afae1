import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface TempDirProblem {
  readonly kind: 'refusal' | 'warning'
  readonly message: string
}

export interface TempDirFacts {
  readonly isDirectory: boolean
  /** Permission bits of the directory. */
  readonly mode: number
  /** First directory above it that others may not pass through. */
  readonly closedParent: string | undefined
  readonly noexec: boolean
}

export function readTempDirFacts(path: string): TempDirFacts {
  try {
    const real = realpathSync(path)
    const stat = statSync(real)
    let closedParent: string | undefined
    for (let at = dirname(real); ; at = dirname(at)) {
      if ((statSync(at).mode & 0o001) === 0) closedParent = at
      if (at === '/') break
    }
    const noexec = mountOptionsOf(real, readFileSync('/proc/self/mountinfo', 'utf8')).includes('noexec')
    return { isDirectory: stat.isDirectory(), mode: stat.mode & 0o7777, closedParent, noexec }
  } catch {
    return { isDirectory: false, mode: 0, closedParent: undefined, noexec: false }
  }
}

/** reachable, readable and writable by every account, and better not on a noexec mount. Pure. */
export function checkTempDir(path: string, facts: TempDirFacts): TempDirProblem | undefined {
  const refuse = (message: string): TempDirProblem => ({ kind: 'refusal', message: `Server.TempDir ${path} ${message}` })
  if (!facts.isDirectory) return refuse('is not a directory')
  if (facts.closedParent !== undefined) {
    return refuse(`cannot be reached by other accounts, because ${facts.closedParent} is closed to them: choose another place`)
  }
  if ((facts.mode & 0o007) !== 0o007) {
    const mode = facts.mode.toString(8).padStart(4, '0')
    return refuse(`has mode ${mode}, and every account must be able to write there: chmod 1777 ${path}`)
  }
  if (facts.noexec) {
    return {
      kind: 'warning',
      message: `Server.TempDir ${path} is mounted noexec: packages that run programs from there will fail`,
    }
  }
  return undefined
}

/** Options of the mount that holds the path, given the text of /proc/self/mountinfo. Pure. */
export function mountOptionsOf(path: string, mountinfo: string): string[] {
  let best = { length: -1, options: [] as string[] }
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ')
    const point = (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    const holds = point === '/' || path === point || path.startsWith(`${point}/`)
    // Of two mounts on one point the later one is seen.
    if (point !== '' && holds && point.length >= best.length)
      best = { length: point.length, options: (fields[5] ?? '').split(',') }
  }
  return best.options
}
