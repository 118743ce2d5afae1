import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { PythonInstallation, RInstallation } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { OPTIONAL_MASKS } from '@berth/sandbox-plan/plan-masks.js'
import { planSandbox } from '@berth/sandbox-plan/plan-sandbox.js'
import type { SandboxFacts, SandboxSpec, SandboxWork } from '@berth/sandbox-plan/sandbox-spec.js'
import { DONE, need, nothingToUndo, type RunContext, type Step } from './step.js'

export interface SandboxSettings {
  readonly dirs: SandboxFacts['dirs']
  readonly supervisor: readonly string[]
  readonly homeMounting: boolean
  readonly privateTmp: boolean
  readonly rConfigActive: string
  readonly pip: NonNullable<Extract<SandboxWork, { kind: 'restore-python' }>['pip']>
}

export interface Interpreters {
  readonly pythons: readonly PythonInstallation[]
  readonly rs: readonly RInstallation[]
}

/** Gathers what planSandbox needs to know of this host; the decisions are there. */
export function buildPlan(settings: SandboxSettings, interpreters: () => Promise<Interpreters>): Step {
  return {
    name: 'build-plan',
    async start(run) {
      const decision = planSandbox(specOf(run, settings), await factsOf(run, settings, await interpreters()))
      if (decision.kind === 'refuse') return { kind: 'refused', reason: decision.reason, message: decision.message }
      run.found.plan = decision.plan
      return DONE
    },
    undo: nothingToUndo,
  }
}

function specOf(run: RunContext, settings: SandboxSettings): SandboxSpec {
  const { spec } = run
  return {
    processId: spec.processId,
    work: workOf(run, settings),
    content:
      spec.content === undefined
        ? null
        : { guid: spec.content.guid, contentId: spec.content.contentId.toString(), bundleId: spec.content.bundleId.toString() },
    user: need(run, 'user'),
    env: spec.env,
    hasSecretEnv: run.found.secrets !== undefined,
    secretNames: Object.keys(run.found.secrets ?? {}),
    supervisor: settings.supervisor,
    homeMounting: settings.homeMounting,
    privateTmp: settings.privateTmp,
    rConfigActive: settings.rConfigActive,
  }
}

function workOf(run: RunContext, settings: SandboxSettings): SandboxWork {
  const { work } = run.spec
  switch (work?.$case) {
    case 'serve': {
      const { appMode, entrypoint, pythonVersion, environmentHash, rVersion } = work.value
      return {
        kind: 'serve',
        appMode: appMode === 'shiny' ? 'shiny' : 'python-api', // checkSpec let no other through
        entrypoint,
        ...(pythonVersion === '' ? {} : { pythonVersion }),
        ...(environmentHash === '' ? {} : { environmentHash }),
        ...(rVersion === '' ? {} : { rVersion }),
      }
    }
    case 'unpack':
      return { kind: 'unpack', archivePath: run.paths.archive, stripComponents: work.value.stripComponents }
    case 'restorePython': {
      const { pythonVersion, environmentHash } = work.value
      return {
        kind: 'restore-python',
        pythonVersion,
        environmentHash,
        stagingDir: run.paths.environment?.staging ?? '',
        requirementsPath: run.paths.requirements,
        pip: settings.pip,
      }
    }
    default:
      throw new Error('checkSpec lets no unknown work through')
  }
}

async function factsOf(run: RunContext, settings: SandboxSettings, { pythons, rs }: Interpreters): Promise<SandboxFacts> {
  const { paths } = run
  const home = await stat(need(run, 'user').home).catch(() => undefined)
  const appDir = run.spec.work?.$case === 'unpack' ? paths.app?.unpacking : paths.app?.dir
  return {
    dirs: settings.dirs,
    processDir: run.dir.path,
    socketDir: paths.socketDir,
    appDir: appDir ?? null,
    workspace: paths.workspace,
    pythonExecutable: chooseExecutable(pythons, pythonVersionOf(run.spec)),
    rExecutable: chooseExecutable(rs, run.spec.work?.$case === 'serve' ? run.spec.work.value.rVersion : ''),
    presentMasks: OPTIONAL_MASKS.filter((path) => existsSync(path)),
    homeExists: home?.isDirectory() ?? false,
    hasMqueue: existsSync('/dev/mqueue'),
    cgroups: run.dir.record.cgroups,
  }
}

function pythonVersionOf(spec: ProcessSpec): string {
  return spec.work?.$case === 'serve' || spec.work?.$case === 'restorePython' ? spec.work.value.pythonVersion : ''
}

/**
 * The installation of exactly that version, else one of the same major.minor: a distribution's security update must not stop content
 * that is pinned to the version before. null = none needed, or none there.
 */
export function chooseExecutable(installed: readonly { version: string; executable: string }[], version: string): string | null {
  if (version === '') return null
  const line = version.split('.').slice(0, 2).join('.')
  const exact = installed.find((one) => one.version === version)
  return (exact ?? installed.find((one) => one.version.startsWith(`${line}.`)))?.executable ?? null
}
