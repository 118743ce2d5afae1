import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/*
 * cgroup leaves of processes, on cgroup v2, v1 and the hybrid of both.
 *
 * Owns <base>/berth/p/<process id> in each hierarchy it can write to. Promises that the whole tree of a process can be ended through
 * its leaf where the kernel has cgroup.kill. Limits come later; without any writable hierarchy processes start without leaves.
 */

export type CgroupMode = 'v1' | 'v2' | 'hybrid' | 'none'

export interface CgroupFacts {
  readonly mode: CgroupMode
  /** Absolute directories below which leaves are made, one per hierarchy. */
  readonly bases: readonly string[]
}

const CGROUP2_MAGIC = 0x63677270
const TMPFS_MAGIC = 0x01021994
const ROOT = '/sys/fs/cgroup'
/**
 * Without a unified tree, the hierarchy that lists a process's tree. Where there is one, leaves of v1 controllers wait until there are
 * limits to write into them: moving a process into the first of them takes a grace period of the kernel (6 to 14 ms measured after
 * a pause, out of a cold start's 40), while a process can be born in a v2 leaf (clone3) for nothing.
 */
const V1_HIERARCHY = 'pids'

export async function detectCgroups(): Promise<CgroupFacts> {
  const mode = detectMode()
  const own = parseOwnCgroups(readFileSync('/proc/self/cgroup', 'utf8'))
  const trees: { mount: string; own: string }[] = []
  if (mode === 'v2') trees.push({ mount: ROOT, own: own.get('') ?? '/' })
  if (mode === 'hybrid') trees.push({ mount: join(ROOT, 'unified'), own: own.get('') ?? '/' })
  if (mode === 'v1') trees.push({ mount: join(ROOT, V1_HIERARCHY), own: own.get(V1_HIERARCHY) ?? '/' })
  const bases = await Promise.all(trees.map((tree) => writableBase(tree.mount, tree.own)))
  return { mode, bases: bases.filter((base) => base !== undefined) }
}

export function leavesOf(facts: CgroupFacts, processId: string): string[] {
  return facts.bases.map((base) => join(base, 'p', processId))
}

/** Makes the leaves. May be called again. */
export async function makeLeaves(leaves: readonly string[]): Promise<void> {
  await Promise.all(leaves.map((leaf) => mkdir(leaf, { recursive: true, mode: 0o755 })))
}

/** Ends every process in the leaves. Returns whether the kernel was told: on v1 alone only the monitor can (it kills its PID namespace). */
export async function killLeaves(leaves: readonly string[]): Promise<boolean> {
  const told = await Promise.all(
    leaves.map((leaf) =>
      writeFile(join(leaf, 'cgroup.kill'), '1').then(
        () => true,
        () => false, // not v2, or already gone
      ),
    ),
  )
  return told.includes(true)
}

/** Pids in the leaves, of the whole tree. */
export async function pidsIn(leaves: readonly string[]): Promise<number[]> {
  const lists = await Promise.all(leaves.map((leaf) => readFile(join(leaf, 'cgroup.procs'), 'utf8').catch(() => '')))
  return [
    ...new Set(
      lists.flatMap((text) =>
        text
          .split('\n')
          .filter((line) => line !== '' && line !== '0')
          .map(Number),
      ),
    ),
  ]
}

/** Removes empty leaves; the kernel may take a moment to see that the last process is gone. */
export async function removeLeaves(leaves: readonly string[]): Promise<void> {
  await Promise.all(
    leaves.map(async (leaf) => {
      for (let waitMs = 1; ; waitMs *= 2) {
        const code = await removeTree(leaf)
        if (code === undefined || code === 'ENOENT') return
        if (code !== 'EBUSY' || waitMs > 1024) throw new Error(`cannot remove the cgroup ${leaf} (${code})`)
        await sleep(waitMs)
      }
    }),
  )
}

/** Removes our parents of leaves where nothing is left in them; others may share them. */
export async function removeEmptyBases(facts: CgroupFacts): Promise<void> {
  for (const base of facts.bases) {
    await rmdir(join(base, 'p')).catch(() => undefined)
    await rmdir(base).catch(() => undefined)
  }
}

function detectMode(): CgroupMode {
  if (!existsSync(ROOT)) return 'none'
  const { type } = statfsSync(ROOT)
  if (type === CGROUP2_MAGIC) return 'v2'
  if (type !== TMPFS_MAGIC) return 'none'
  const unified = join(ROOT, 'unified')
  return existsSync(unified) && statfsSync(unified).type === CGROUP2_MAGIC ? 'hybrid' : 'v1'
}

/** /proc/self/cgroup: controller (empty for v2) → path. */
export function parseOwnCgroups(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, controllers, ...rest] = line.split(':')
    if (controllers === undefined) continue
    for (const controller of controllers.split(',')) paths.set(controller, rest.join(':'))
  }
  return paths
}

/** Below our own cgroup, where a delegating init system put us; in a container, whose paths may not be ours, below the mount. */
async function writableBase(mount: string, own: string): Promise<string | undefined> {
  for (const parent of new Set([join(mount, own), mount])) {
    const base = join(parent, 'berth')
    try {
      await readdir(parent)
      await mkdir(join(base, 'p'), { recursive: true, mode: 0o755 })
      return base
    } catch {
      // read-only or not there
    }
  }
  return undefined
}

/** Content with a delegated cgroup of its own could have made children; they go first. Returns the error's code. */
async function removeTree(dir: string): Promise<string | undefined> {
  try {
    const children = await readdir(dir, { withFileTypes: true })
    for (const child of children) if (child.isDirectory()) await removeTree(join(dir, child.name))
    await rmdir(dir)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
