// What a test run could leave on the host, seen before it and after it.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listEmptyLeaves, listSockets } from './leftovers.js'
import { type HostProcess, listProcesses, readProcess, touches } from './process-table.js'
import { isOfAnotherRun } from './test-run.js'

export interface HostSnapshot {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  readonly mounts: readonly string[]
  readonly cgroups: readonly string[]
  readonly sockets: readonly string[]
  readonly directories: readonly string[]
  /** `pid startTime argv` of processes that look like ours. */
  readonly processes: readonly string[]
}

/** Where a Berth started with its own defaults keeps its things: one may run beside the tests, and comes and goes as it likes. */
const DEFAULT_BERTH_DIRS = ['/var/lib/berth', '/var/lib/berth-agent', '/run/berth', '/tmp/berth-workspaces']

export function takeHostSnapshot(): HostSnapshot {
  return {
    users: names('passwd'),
    groups: names('group'),
    // Id and parent id are left out: the kernel renumbers nothing, but a remount elsewhere is no mount of ours.
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ').slice(3, 5).join(' -> ')),
    cgroups: listEmptyLeaves(),
    sockets: runDirs().flatMap(listSockets),
    directories: testDirs(),
    processes: ourProcesses(),
  }
}

/**
 * One line for everything that is there now and was not before, and for accounts that are gone. What carries the tag of another run
 * is left out: `ownTags` are this run's.
 */
export function compareSnapshots(before: HostSnapshot, after: HostSnapshot, ownTags: readonly string[]): string[] {
  const found: string[] = []
  for (const kind of ['users', 'groups', 'mounts', 'cgroups', 'sockets', 'directories', 'processes'] as const) {
    const known = new Set(before[kind])
    for (const one of after[kind]) if (!known.has(one)) found.push(`${kind}: new ${one}`)
  }
  for (const kind of ['users', 'groups'] as const) {
    const now = new Set(after[kind])
    for (const one of before[kind]) if (!now.has(one)) found.push(`${kind}: gone ${one}`)
  }
  return found.filter((line) => !isOfAnotherRun(line, ownTags))
}

function names(database: 'passwd' | 'group'): string[] {
  return execFileSync('getent', [database], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

function runDirs(): string[] {
  return readdirSync('/run')
    .filter((name) => /^(bt-|berth-)/.test(name))
    .map((name) => join('/run', name))
}

function testDirs(): string[] {
  return ['/var/lib', '/run', '/tmp', '/etc'].flatMap((dir) =>
    existsSync(dir)
      ? readdirSync(dir)
          .filter((name) => /^bt-[0-9a-f]{6}/.test(name))
          .map((name) => join(dir, name))
      : [],
  )
}

/** The product's programs, servers in test directories, and processes of accounts that no longer exist. */
function ourProcesses(): string[] {
  const uids = new Set(
    execFileSync('getent', ['passwd'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => Number(line.split(':')[2])),
  )
  return listProcesses()
    .filter((one) => one.state !== 'Z' && one.exe !== '')
    .filter(
      (one) =>
        one.exe.startsWith('/usr/lib/berth/') || !uids.has(one.uid) || one.argv.some((word) => /\/bt-[0-9a-f]{6}/.test(word)),
    )
    .filter((one) => !touches(one, DEFAULT_BERTH_DIRS))
    .map((one) => `${one.pid} ${one.startTime} ${one.argv.join(' ').slice(0, 200)} ${testDirOf(one)}`.trimEnd())
}

/** The test directory that it or an ancestor holds a file of or was started with: a part's own command line does not say whose it is. */
function testDirOf(one: HostProcess): string {
  const dirs = testDirs()
  for (let at: HostProcess | undefined = one; at !== undefined && at.pid > 1; at = readProcess(at.ppid)) {
    const holder = at
    const found = dirs.find((dir) => touches(holder, [dir]))
    if (found !== undefined) return found
  }
  return ''
}
