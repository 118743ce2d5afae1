import { SHM_BYTES_MAX } from './limits.js'
import type { MountFlag, MountOperation } from './plan.js'
import type { HomeDecision } from './plan-home.js'
import { maskOperations } from './plan-masks.js'
import { MNT_APP, MNT_PACKRAT, MNT_PYTHON_ENVIRONMENTS, MNT_R, MNT_RUN, MNT_TMP } from './sandbox-paths.js'
import type { SandboxFacts, SandboxSpec } from './sandbox-spec.js'

const SAFE: readonly MountFlag[] = ['nosuid', 'nodev']

/**
 * The view of one process, in the launcher's order: exposures, then masks over their physical places, then home, private
 * directories and pseudo file systems. The launcher opens all sources first, so a mask or the private /tmp hides none of them.
 * Source.
 */
export function planMounts(spec: SandboxSpec, facts: SandboxFacts, home: HomeDecision): readonly MountOperation[] {
  return [
    ...exposures(spec, facts),
    bind('rw', facts.workspace.tmp, MNT_TMP),
    ...maskOperations(facts),
    ...homeMounts(home),
    ...(spec.privateTmp
      ? [bind('rw', facts.workspace.privateTmp, '/tmp'), bind('rw', facts.workspace.privateVarTmp, '/var/tmp')]
      : []),
    { kind: 'tmpfs', flags: SAFE, sizeBytes: SHM_BYTES_MAX, mode: 0o1777, to: '/dev/shm' },
    ...(facts.hasMqueue ? [{ kind: 'mqueue', to: '/dev/mqueue', optional: true } as const] : []),
    { kind: 'proc', to: '/proc' },
  ]
}

/** What of DataDir a kind of work sees, and where (R-013, R-014, content-types 2.6). */
function exposures(spec: SandboxSpec, facts: SandboxFacts): readonly MountOperation[] {
  const { dataDir } = facts.dirs
  const app = facts.appDir === null ? [] : [bind('rw', facts.appDir, MNT_APP)]
  switch (spec.work.kind) {
    case 'unpack':
      return app
    case 'restore-python':
      return [bind('rw', spec.work.stagingDir, MNT_PYTHON_ENVIRONMENTS)]
    case 'serve': {
      const caches =
        spec.work.appMode === 'shiny'
          ? [cache(`${dataDir}/R`, MNT_R), cache(`${dataDir}/packrat`, MNT_PACKRAT)]
          : [cache(`${dataDir}/python-environments`, MNT_PYTHON_ENVIRONMENTS)]
      return [...app, ...caches, bind('rw', facts.socketDir, MNT_RUN)]
    }
  }
}

function homeMounts(home: HomeDecision): readonly MountOperation[] {
  switch (home.kind) {
    case 'untouched':
      return []
    case 'empty':
      return [{ kind: 'mask', to: '/home' }]
    case 'bound':
      return [{ kind: 'bind', access: 'rw', flags: SAFE, from: home.from, to: '/home', asUser: true }]
  }
}

function bind(access: 'ro' | 'rw', from: string, to: string): MountOperation {
  return { kind: 'bind', access, flags: SAFE, from, to }
}

/** A cache that nothing was installed into yet may be missing. */
function cache(from: string, to: string): MountOperation {
  return { kind: 'bind', access: 'ro', flags: SAFE, from, to, optional: true }
}
