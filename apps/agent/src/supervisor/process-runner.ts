import { type ExitReason, exitReason, UNSEEN_EXIT } from '@berth/domain/process/exit-reason.js'
import type { Exited, Started } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import type { Context } from '@opentelemetry/api'
import type { AgentEvents } from '../events.js'
import { logLength, type MonitorStatus, ownerOf, readMonitorIdentity } from '../host/monitor-files.js'
import { MonitorLink } from '../host/monitor-link.js'
import type { RunContext, Step } from '../steps/step.js'
import { contextOf } from '../telemetry.js'
import { stopProcess } from './stop-process.js'
import { type StepGroups, undoSteps, walkSteps } from './walk-steps.js'

/*
 * One process from its accepted event to its finalized one.
 *
 * Owns the order of things and which events are reported; steps do the work. Promises: at most one launch for a run directory without a
 * monitor, an exit reported exactly once per run directory, everything undone after it. Leaves to the supervisor which
 * processes there are.
 */

/** Where a process goes on: from its start, or from what a restarted agent found. */
export type RunFrom =
  | { readonly kind: 'start' }
  /** Its monitor answers. */
  | { readonly kind: 'adopt' }
  /** It ended while nobody looked: the record, or undefined when there is none. */
  | { readonly kind: 'ended'; readonly record: MonitorStatus | undefined; readonly rebooted: boolean }
  /** Its end is reported; only clearing up is left. */
  | { readonly kind: 'over' }

export interface RunnerDeps {
  /** Up to and with the launch. */
  readonly startGroups: StepGroups
  /** From the launch to ready. */
  readonly readyGroups: StepGroups
  /** After exit 0 of a job. */
  readonly outputGroups: StepGroups
  readonly events: AgentEvents
  /** Bounds how many start at once. */
  readonly enterStart: () => Promise<() => void>
  /** Something new to send: an event, or log. */
  readonly reported: (id: string) => void
  readonly wroteLog: (id: string) => void
  readonly over: (id: string) => void
}

export type RunnerState = 'starting' | 'running' | 'over'

export class ProcessRunner {
  readonly run: RunContext
  readonly #deps: RunnerDeps
  readonly #trace: Context
  readonly #stop = new AbortController()
  #state: RunnerState = 'starting'
  #stopReason = ''
  #undone = false
  #undoing: Promise<boolean> | undefined
  #ending = false
  #failure: { readonly step: string; readonly message: string } | undefined
  #initTimedOut = false

  constructor(run: RunContext, deps: RunnerDeps) {
    this.run = run
    this.#deps = deps
    this.#trace = contextOf(run.spec.traceparent)
  }

  get state(): RunnerState {
    return this.#state
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted
  }

  /** Its monitor lives, as far as we know. */
  get isLive(): boolean {
    return this.run.found.monitor !== undefined && !this.run.found.monitor.isOver
  }

  /** Undone after its end: nothing of it is left but the run directory. */
  get isUndone(): boolean {
    return this.#undone
  }

  /** Tries again what could not be undone. */
  async undo(): Promise<void> {
    if (this.#state !== 'over' || this.#undone) return
    this.#undoing ??= undoSteps(this.#allSteps(), this.run, this.#deps.events).finally(() => {
      this.#undoing = undefined
    })
    this.#undone = await this.#undoing
  }

  /** Until it is over and undone. Never rejects. */
  async live(from: RunFrom): Promise<void> {
    const { events } = this.#deps
    try {
      await this.#live(from)
    } catch (error) {
      events.failed('a process could not be looked after', error, { process: this.run.spec.processId })
    }
    this.#state = 'over'
    await this.undo()
    this.#deps.over(this.run.spec.processId)
  }

  /** Ends it; what was not launched yet is not launched. May be called again. */
  stop(reason: string): void {
    if (this.#state === 'over' || this.isStopping) return
    this.#stopReason = reason
    this.#deps.events.processStopping(this.run.spec.processId, { reason })
    this.#stop.abort(reason)
    this.#end()
  }

  /** Begins to end what was launched, once; `ended` of its monitor tells when it has. */
  #end(): void {
    const { monitor } = this.run.found
    if (monitor === undefined || monitor.isOver || this.#ending) return
    this.#ending = true
    void stopProcess(this.run.spec, monitor, this.run.dir.record.cgroups)
  }

  async #live(from: RunFrom): Promise<void> {
    switch (from.kind) {
      case 'over':
        return
      case 'ended':
        return this.#finish(from.record, { inferred: true, rebooted: from.rebooted })
      case 'start':
        if (!(await this.#start())) return
        break
      case 'adopt':
        await this.#adopt()
        break
    }
    const { monitor } = this.run.found
    if (monitor === undefined) return this.#finish(undefined, { inferred: false, rebooted: false })
    if (this.run.spec.work?.$case === 'serve' && this.run.dir.find('ready') === undefined && !monitor.isOver)
      await this.#becomeReady()
    this.#state = 'running'
    await this.#finish(await monitor.ended, { inferred: false, rebooted: false })
  }

  /** Returns whether a monitor is there to wait for; otherwise the end has been reported. */
  async #start(): Promise<boolean> {
    const { run } = this
    const leave = await this.#deps.enterStart()
    try {
      const walked = await walkSteps(this.#deps.startGroups, run, this.#stop.signal, this.#trace, this.#deps.events)
      if (walked.kind === 'stopped_at' && walked.outcome.kind === 'refused') {
        const { reason, message } = walked.outcome
        await this.#append({ $case: 'refused', value: { reason, message } })
        this.#deps.events.processRefused(run.spec.processId, { reason, message })
        return false
      }
      if (walked.kind === 'stopped_at') this.#failure = { step: walked.step, message: walked.outcome.message }
    } finally {
      leave()
    }
    const { monitor } = run.found
    if (monitor === undefined) {
      await this.#finish(undefined, { inferred: false, rebooted: false })
      return false
    }
    const started = run.dir.find('started')
    if (started !== undefined) {
      this.#deps.events.processStarted(run.spec.processId, { pid: started.hostPid })
      this.#deps.reported(run.spec.processId)
    }
    // Stopped while it was being launched, or launched too slowly: there was no monitor to ask before.
    if (this.isStopping || this.#failure !== undefined) this.#end()
    return true
  }

  async #adopt(): Promise<void> {
    const { run } = this
    const { processId } = run.spec
    run.found.monitor = MonitorLink.adopt(run.dir.path, () => this.#deps.wroteLog(processId))
    const known = run.dir.find('started') ?? (await this.#inferStarted())
    // Who it runs as was decided at its launch; what the host says of the account today does not change that.
    run.found.user = { name: run.spec.runAs, uid: known.uid, gid: known.gid, gids: [known.gid], home: '', shell: '' }
    this.#deps.events.processAdopted(processId, { as: run.dir.find('ready') === undefined ? 'starting' : 'running' })
    if (this.isStopping) this.#end()
  }

  /** We were gone between the target's execution and our event. */
  async #inferStarted(): Promise<Started> {
    const { run } = this
    const identity = await readMonitorIdentity(run.dir.path)
    const owner = await ownerOf(identity?.targetPid ?? 0)
    const started: Started = {
      hostPid: identity?.targetPid ?? 0,
      hostPpid: identity?.initPid ?? 0,
      monitorPid: identity?.monitorPid ?? 0,
      uid: owner.uid,
      gid: owner.gid,
    }
    await run.dir.append({ event: { $case: 'started', value: started }, inferred: true }, 'cached')
    this.#deps.reported(run.spec.processId)
    return started
  }

  async #becomeReady(): Promise<void> {
    const { run } = this
    const beganMs = performance.now()
    const walked = await walkSteps(this.#deps.readyGroups, run, this.#stop.signal, this.#trace, this.#deps.events)
    if (walked.kind === 'done') {
      await run.dir.append(
        { event: { $case: 'ready', value: { socketPath: run.paths.claimed } }, journey: run.journey.entries },
        'cached',
      )
      this.#deps.events.processReady(run.spec.processId, { ms: Math.round(performance.now() - beganMs) })
      this.#deps.reported(run.spec.processId)
      return
    }
    if (walked.kind === 'aborted') return
    this.#failure = { step: walked.step, message: walked.outcome.message }
    this.#initTimedOut = walked.outcome.kind === 'failed' && walked.outcome.reason === 'init_timeout'
    this.#end()
  }

  async #finish(record: MonitorStatus | undefined, how: { inferred: boolean; rebooted: boolean }): Promise<void> {
    const { run } = this
    if (record?.code === 0 && !this.isStopping) {
      const walked = await walkSteps(this.#deps.outputGroups, run, new AbortController().signal, this.#trace, this.#deps.events)
      if (walked.kind === 'stopped_at') this.#failure = { step: walked.step, message: walked.outcome.message }
    }
    const exited = await this.#describeEnd(record, how.rebooted)
    await this.#append({ $case: 'exited', value: exited }, how.inferred)
    this.#deps.events.processExited(run.spec.processId, { ...exited, inferred: how.inferred })
  }

  async #describeEnd(record: MonitorStatus | undefined, rebooted: boolean): Promise<Exited> {
    const { run } = this
    const wasLaunched =
      record !== undefined || run.found.monitor !== undefined || run.dir.find('started') !== undefined || rebooted
    const lengths = {
      stdoutBytes: record?.stdoutBytes ?? (await logLength(run.dir.path, 'stdout').catch(() => 0n)),
      stderrBytes: record?.stderrBytes ?? (await logLength(run.dir.path, 'stderr').catch(() => 0n)),
    }
    const failure = this.#failure
    if (!wasLaunched) {
      if (failure === undefined) return { ...STOPPED_BEFORE_START, ...lengths }
      return { code: SETUP_FAILED, signal: 0, reason: 'setup', failingStep: failure.step, message: failure.message, ...lengths }
    }
    const reason: ExitReason = exitReason({
      record,
      stopAsked: this.isStopping,
      initTimedOut: this.#initTimedOut,
      rebooted,
    })
    // Its own end was fine, what we did with its output was not: a job that cannot be used has not succeeded.
    const spoiled = record?.code === 0 && failure !== undefined && run.spec.work?.$case !== 'serve'
    const { code, signal } = spoiled ? { code: SETUP_FAILED, signal: 0 } : (record ?? UNSEEN_EXIT)
    return {
      code,
      signal,
      reason: spoiled ? 'setup' : reason,
      failingStep: failure?.step ?? (reason === 'setup' || reason === 'exec' ? 'launch' : ''),
      message: failure?.message ?? this.#sayWhy(reason, record),
      ...lengths,
    }
  }

  #sayWhy(reason: ExitReason, record: MonitorStatus | undefined): string {
    if (reason === 'stopped') return this.#stopReason
    if (reason === 'monitor_lost') return 'its monitor ended without a record, and with it everything it ran'
    if (reason === 'reboot') return 'the host was started anew'
    return record?.message ?? ''
  }

  async #append(
    event: { $case: 'exited'; value: Exited } | { $case: 'refused'; value: { reason: string; message: string } },
    inferred = false,
  ): Promise<void> {
    await this.run.dir.append({ event, journey: this.run.journey.entries, inferred }, 'durable')
    this.#deps.reported(this.run.spec.processId)
  }

  #allSteps(): Step[] {
    return [...this.#deps.startGroups, ...this.#deps.readyGroups, ...this.#deps.outputGroups].flat()
  }
}

const SETUP_FAILED = 125
/** As if SIGTERM had found it: nobody may take it for a success. */
const STOPPED_BEFORE_START = {
  code: 143,
  signal: 15,
  reason: 'stopped',
  failingStep: '',
  message: 'stopped before it was started',
} as const
