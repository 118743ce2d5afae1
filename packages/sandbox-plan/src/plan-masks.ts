import type { MountOperation } from './plan.js'
import { isWithin } from './sandbox-paths.js'
import type { SandboxFacts } from './sandbox-spec.js'

/**
 * Covered in every sandbox when the host has them: deputies that would act outside the sandbox for the account, and the
 * cgroup tree, which names every other process. (With limits, the process's own leaf will be shown read-only.)
 */
export const OPTIONAL_MASKS = [
  '/run/user',
  '/run/docker.sock',
  '/run/containerd',
  '/run/podman',
  '/var/spool/cron',
  '/var/spool/at',
  '/sys/fs/cgroup',
] as const

interface Mask {
  readonly path: string
  /** Nothing to hide where there is nothing; the product's own directories must be there. */
  readonly optional: boolean
}

/**
 * What no content sees by its physical path, directories before files, none inside another.
 * Source, launcher threats T8, T11 and T16.
 */
export function planMasks(facts: SandboxFacts): readonly Mask[] {
  const { dirs } = facts
  const wanted: Mask[] = [
    { path: dirs.dataDir, optional: false },
    { path: workspacesDir(dirs.tempDir), optional: false },
    { path: dirs.stateDir, optional: false },
    { path: dirs.runDir, optional: false },
    ...dirs.configDirs.map((path) => ({ path, optional: true })),
    ...(dirs.sqliteDir === null ? [] : [{ path: dirs.sqliteDir, optional: true }]),
    ...facts.presentMasks.map((path) => ({ path, optional: true })),
  ]
  const outermost = wanted.filter(
    (mask, index) => !wanted.some((other, at) => (other.path === mask.path ? at < index : isWithin(mask.path, other.path))),
  )
  return [...outermost.filter((mask) => !isSocketFile(mask.path)), ...outermost.filter((mask) => isSocketFile(mask.path))]
}

/** TempDir/berth-workspaces */
export function workspacesDir(tempDir: string): string {
  return tempDir === '/' ? '/berth-workspaces' : `${tempDir}/berth-workspaces`
}

/** The mask that hides a path, if any: what lies there cannot be used inside. */
export function maskOver(path: string, facts: SandboxFacts): string | undefined {
  return planMasks(facts).find((mask) => isWithin(path, mask.path))?.path
}

export function maskOperations(facts: SandboxFacts): readonly MountOperation[] {
  return planMasks(facts).map(({ path, optional }) => ({ kind: 'mask', to: path, ...(optional ? { optional } : {}) }))
}

function isSocketFile(path: string): boolean {
  return path.endsWith('.sock')
}
