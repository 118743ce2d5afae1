import { setTimeout as sleep } from 'node:timers/promises'
import { CONTROL_SOCKET_ANSWER_MS } from '../limits.js'
import { askMonitor, type Subscription, subscribeToMonitor } from './control-socket.js'
import { type LaunchRequest, startLauncher, type TargetStarted } from './launcher-client.js'
import { type MonitorStatus, readMonitorStatus } from './monitor-files.js'
import { isMonitorAlive } from './monitor-lock.js'

export type StartOutcome =
  | { readonly kind: 'started'; readonly target: TargetStarted; readonly mountedUs: number }
  /** It never ran; `ended` has the record, if there is one. */
  | { readonly kind: 'not_started'; readonly how: string }

/**
 * One living monitor, whether we executed it or found it after a restart. Promises that `ended` resolves once, with the exit record, or
 * with undefined when the monitor ended without leaving one.
 */
export class MonitorLink {
  readonly runDir: string
  readonly started: Promise<StartOutcome>
  readonly ended: Promise<MonitorStatus | undefined>
  readonly #onLog: () => void
  #resolveStarted: (outcome: StartOutcome) => void = () => undefined
  #resolveEnded: (record: MonitorStatus | undefined) => void = () => undefined
  #isOver = false
  #ownChild = false
  #mountedUs = 0
  #subscription: Subscription | undefined

  private constructor(runDir: string, onLog: () => void) {
    this.runDir = runDir
    this.#onLog = onLog
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve
    })
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
  }

  static launch(request: LaunchRequest, onLog: () => void): MonitorLink {
    const link = new MonitorLink(request.runDir, onLog)
    link.#ownChild = true
    startLauncher(request, {
      mounted: (us) => {
        link.#mountedUs = us
      },
      started: (target) => {
        link.#resolveStarted({ kind: 'started', target, mountedUs: link.#mountedUs })
        link.#subscribe()
      },
      exited: (record) => void link.#endWith(record),
      gone: (how) => void link.#gone(how),
    })
    return link
  }

  /** The monitor answered before: it lives. */
  static adopt(runDir: string, onLog: () => void): MonitorLink {
    const link = new MonitorLink(runDir, onLog)
    link.#subscribe()
    return link
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** To the target's process group. Rejects when the monitor cannot be asked. */
  async signal(number: number): Promise<void> {
    await askMonitor(this.runDir, `signal ${number}`)
  }

  /** The whole tree. */
  async kill(): Promise<void> {
    await askMonitor(this.runDir, 'kill')
  }

  #subscribe(): void {
    if (this.#isOver) return
    this.#subscription = subscribeToMonitor(this.runDir, (what) => {
      if (what === 'log') this.#onLog()
      else if (what === 'exited') void this.#endWith(undefined)
      else void this.#hungUp()
    })
    // What was written before we listened rang no bell for us.
    this.#onLog()
  }

  /** Our connection is gone: because the monitor is, or because it was too busy to accept us. */
  async #hungUp(): Promise<void> {
    if (this.#isOver) return
    const record = await readMonitorStatus(this.runDir)
    if (record !== undefined) return this.#finish(record)
    if (!this.#ownChild && !(await isMonitorAlive(this.runDir))) return this.#finish(await readMonitorStatus(this.runDir))
    await sleep(CONTROL_SOCKET_ANSWER_MS / 10)
    this.#subscribe()
  }

  async #gone(how: string): Promise<void> {
    const record = await readMonitorStatus(this.runDir).catch(() => undefined)
    this.#resolveStarted({ kind: 'not_started', how })
    this.#finish(record)
  }

  async #endWith(heard: MonitorStatus | undefined): Promise<void> {
    // The file has the lengths of the logs; what was heard is enough where the launcher failed before it had a directory.
    const record = (await readMonitorStatus(this.runDir).catch(() => undefined)) ?? heard
    if (record === undefined) return
    this.#resolveStarted({ kind: 'not_started', how: record.message })
    this.#finish(record)
  }

  #finish(record: MonitorStatus | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#subscription?.close()
    this.#onLog()
    this.#resolveEnded(record)
  }
}
