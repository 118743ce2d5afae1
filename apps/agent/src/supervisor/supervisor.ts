import type { ProcessId } from '@berth/domain/ids.js'
import { diffWorkloads, type WantedWorkload } from '@berth/domain/workload/diff-workloads.js'
import { Intent, type ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import type { AgentEvents } from '../events.js'
import { RUN_DIR_ABANDON_MS, RUN_DIR_KEEP_MS, STOP_REPORT_MS } from '../limits.js'
import type { RunContext } from '../steps/step.js'
import { adopt } from './adopt.js'
import { checkSpec } from './check-spec.js'
import { Journey } from './journey.js'
import { ProcessRunner, type RunFrom, type RunnerDeps } from './process-runner.js'
import { type NewEvent, RunDir } from './run-dir.js'
import { type AgentDirs, planRunPaths } from './run-paths.js'

/*
 * All processes of this host: what is wanted, what there is, and the run directories of both.
 *
 * Owns stateDir/runs. Promises that what is wanted and was never tried is started once, that what is not wanted ends, and that a
 * run directory goes only after all of it is acknowledged. Leaves one process's course to its runner, and sending to the session room.
 */

export interface SupervisorDeps {
  readonly dirs: AgentDirs
  readonly runsDir: string
  readonly bootId: string
  readonly cgroupsOf: (processId: string) => readonly string[]
  readonly runner: Omit<RunnerDeps, 'over'>
  readonly events: AgentEvents
  /** A run directory is there, to be sent from; and when it goes. */
  readonly opened: (dir: RunDir) => void
  readonly closed: (id: string) => void
}

export class Supervisor {
  readonly #deps: SupervisorDeps
  readonly #dirs = new Map<string, RunDir>()
  readonly #runners = new Map<string, ProcessRunner>()
  readonly #lives = new Map<string, Promise<void>>()
  /** Directories being looked at → whether something happened to them meanwhile. */
  readonly #settling = new Map<string, boolean>()
  #applying: Promise<void> = Promise.resolve()
  #stopping = false

  constructor(deps: SupervisorDeps) {
    this.#deps = deps
  }

  get dirs(): ReadonlyMap<string, RunDir> {
    return this.#dirs
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** Processes with a live monitor. */
  running(): string[] {
    return [...this.#runners.values()].filter((runner) => runner.isLive).map((runner) => runner.run.spec.processId)
  }

  accountsUsing(appDir: string, exceptProcessId: string): string[] {
    return [...this.#runners.values()]
      .filter(
        (runner) =>
          runner.state !== 'over' && runner.run.paths.app?.dir === appDir && runner.run.spec.processId !== exceptProcessId,
      )
      .map((runner) => runner.run.found.user?.name)
      .filter((name) => name !== undefined)
  }

  /** Finds what earlier agents of this host left: on return every run directory is known and every live process watched. */
  async adoptAll(): Promise<void> {
    const ids = await RunDir.list(this.#deps.runsDir)
    await Promise.all(
      ids.map(async (id) => {
        const dir = await RunDir.load(this.#deps.runsDir, id, this.#deps.bootId)
        if (dir === undefined) {
          // The host went down while it was being accepted; nothing was launched from it.
          await RunDir.discard(this.#deps.runsDir, id)
          return
        }
        this.#open(dir)
        this.#begin(dir, await adopt(dir, this.#deps.bootId))
      }),
    )
  }

  /** Makes the host have what is wanted. One set after the other; a process's course goes on behind this. */
  apply(wanted: readonly ProcessSpec[]): Promise<void> {
    this.#applying = this.#applying
      .then(() => this.#apply(wanted))
      .catch((error: unknown) => this.#deps.events.failed('desired state could not be applied', error))
    return this.#applying
  }

  /** Something of this process was acknowledged, or it is over: is it complete, and may its directory go? */
  settle(id: string): void {
    const isRunning = this.#settling.has(id)
    if (isRunning) this.#settling.set(id, true)
    else void this.#settleUntilQuiet(id)
  }

  settleAll(): void {
    for (const id of this.#dirs.keys()) this.settle(id)
  }

  /**
   * Ends every process, waits for their ends to be acknowledged (bounded), and leaves nothing behind but run directories that nobody
   * has acknowledged. No process starts any more.
   */
  async stopAll(reason: string): Promise<void> {
    this.#stopping = true
    await this.#applying
    for (const runner of this.#runners.values()) runner.stop(reason)
    await Promise.all(this.#lives.values())
    const deadlineMs = performance.now() + STOP_REPORT_MS
    while (this.#dirs.size > 0 && performance.now() < deadlineMs) {
      this.settleAll()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async #apply(wanted: readonly ProcessSpec[]): Promise<void> {
    if (this.#stopping) return
    const byId = new Map(wanted.map((spec) => [spec.processId as ProcessId, spec]))
    const known = [...this.#dirs.keys()].map((id) => {
      const runner = this.#runners.get(id)
      const state = runner === undefined || runner.state === 'over' ? ('over' as const) : ('live' as const)
      return { id: id as ProcessId, state, stopping: runner?.isStopping ?? false }
    })
    const diff = diffWorkloads([...byId.values()].map(wantedOf), known)
    for (const { id, reason } of diff.stop) this.#runners.get(id)?.stop(reason)
    await Promise.all([
      ...diff.skip.map(({ id, reason }) => this.#record(byId.get(id), stoppedBeforeStart(reason))),
      ...diff.start.map((id) => this.#start(byId.get(id))),
    ])
  }

  async #start(spec: ProcessSpec | undefined): Promise<void> {
    if (spec === undefined) return
    const refusal = checkSpec(spec, planRunPaths(this.#deps.dirs, spec))
    if (refusal !== undefined) {
      this.#deps.events.processRefused(spec.processId, refusal)
      await this.#record(spec, { event: { $case: 'refused', value: refusal } })
      return
    }
    this.#deps.events.processStarting(spec.processId, { work: spec.work?.$case ?? '', runAs: spec.runAs })
    const dir = await this.#create(spec, { event: { $case: 'accepted', value: {} } })
    if (dir !== undefined) this.#begin(dir, { kind: 'start' })
  }

  /** A process that never runs here: one event says so. */
  async #record(spec: ProcessSpec | undefined, event: NewEvent): Promise<void> {
    if (spec === undefined) return
    const dir = await this.#create(spec, event)
    if (dir !== undefined) this.#begin(dir, { kind: 'over' })
  }

  async #create(spec: ProcessSpec, first: NewEvent): Promise<RunDir | undefined> {
    const cgroups = this.#deps.cgroupsOf(spec.processId)
    const dir = await RunDir.create(this.#deps.runsDir, { spec, bootId: this.#deps.bootId, cgroups }, first)
    if (dir !== undefined) this.#open(dir)
    return dir
  }

  #open(dir: RunDir): void {
    this.#dirs.set(dir.id, dir)
    this.#deps.opened(dir)
  }

  #begin(dir: RunDir, from: RunFrom): void {
    const journey = new Journey(dir.events.findLast((event) => event.journey.length > 0)?.journey)
    const run: RunContext = { spec: dir.spec, dir, paths: planRunPaths(this.#deps.dirs, dir.spec), journey, found: {} }
    const runner = new ProcessRunner(run, { ...this.#deps.runner, over: (id) => this.settle(id) })
    this.#runners.set(dir.id, runner)
    this.#lives.set(dir.id, runner.live(from))
  }

  async #settleUntilQuiet(id: string): Promise<void> {
    try {
      do {
        this.#settling.set(id, false)
        await this.#settle(id)
      } while (this.#settling.get(id) === true)
    } catch (error) {
      this.#deps.events.failed('a run directory could not be closed', error, { process: id })
    } finally {
      this.#settling.delete(id)
    }
  }

  async #settle(id: string): Promise<void> {
    const dir = this.#dirs.get(id)
    const runner = this.#runners.get(id)
    if (dir === undefined) return
    await dir.writeAcked()
    await runner?.undo()
    if (runner === undefined || !runner.isUndone) return
    const exited = dir.find('exited')
    const logsStored = dir.acked.stdout >= (exited?.stdoutBytes ?? 0n) && dir.acked.stderr >= (exited?.stderrBytes ?? 0n)
    if (logsStored && dir.find('finalized') === undefined) {
      await dir.append({ event: { $case: 'finalized', value: {} } }, 'cached')
      this.#deps.runner.reported(id)
    }
    const nowMs = Date.now()
    const isComplete = dir.find('finalized') !== undefined && dir.acked.seq >= dir.lastSeq
    if (isComplete && dir.acked.completeAtMs === 0) {
      dir.acknowledge({ completeAtMs: nowMs })
      await dir.writeAcked()
    }
    const keepMs = this.#stopping ? 0 : RUN_DIR_KEEP_MS
    const mayGo = isComplete ? nowMs - dir.acked.completeAtMs >= keepMs : (await dir.ageMs(nowMs)) > RUN_DIR_ABANDON_MS
    if (mayGo) await this.#close(id, dir)
  }

  async #close(id: string, dir: RunDir): Promise<void> {
    this.#deps.closed(id)
    this.#dirs.delete(id)
    this.#runners.delete(id)
    this.#lives.delete(id)
    await dir.remove()
  }
}

function wantedOf(spec: ProcessSpec): WantedWorkload {
  const intent = spec.intent === Intent.STOP ? 'stop' : spec.intent === Intent.DRAIN ? 'drain' : 'run'
  return { id: spec.processId as ProcessId, intent, stopReason: spec.stopReason }
}

/** As if SIGTERM had found it: nobody may take it for a success. */
function stoppedBeforeStart(reason: string): NewEvent {
  const value = { code: 143, signal: 15, reason: 'stopped', failingStep: '', message: reason, stdoutBytes: 0n, stderrBytes: 0n }
  return { event: { $case: 'exited', value } }
}
