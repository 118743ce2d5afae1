import type { StickyKey } from '@berth/domain/routing/cookies.js'
import { type ProcessFacts, pickProcess } from '@berth/domain/routing/pick-process.js'
import type { FedBundle, FedProcess, RoutedContent } from '@berth/domain/routing/route-table.js'
import type { AcquireOutcome, ProcessAcquirer } from './acquire-process.js'
import type { ConnectionCounts } from './connection-counts.js'
import { GONE_PROCESS_MS } from './limits.js'
import type { RouteFeed } from './route-feed.js'

export interface ProcessAsk {
  readonly content: RoutedContent
  readonly bundle: FedBundle
  readonly sticky: StickyKey | undefined
  readonly traceparent: string
}

export type NoProcess = Exclude<AcquireOutcome, { kind: 'endpoint' }> | { readonly kind: 'refused_connection' }

/** A process refused the connection: once more may be asked for a new one. */
const ACQUISITIONS_MAX = 2

/** Finds a process for a visit, and another one when the first turns out to be gone. */
export class ProcessFinder implements ProcessFacts {
  readonly #feed: RouteFeed
  readonly #acquirer: ProcessAcquirer
  readonly #counts: ConnectionCounts
  readonly #goneUntilMs = new Map<string, number>()

  constructor(feed: RouteFeed, acquirer: ProcessAcquirer, counts: ConnectionCounts) {
    this.#feed = feed
    this.#acquirer = acquirer
    this.#counts = counts
  }

  /**
   * @param attempt called with a process that already counts this visit: pick and count are one turn. It calls `gone` (and
   *   uncounts) when nobody listens there and no byte was sent.
   */
  find(ask: ProcessAsk, attempt: (process: FedProcess, gone: () => void) => void, none: (reason: NoProcess) => void): void {
    const first = this.#pick(ask)
    if (first === undefined) {
      this.#seek(ask, attempt, none)
      return
    }
    this.#counts.opened(first.processId)
    attempt(first, () => {
      this.#goneUntilMs.set(first.processId, Date.now() + GONE_PROCESS_MS)
      this.#seek(ask, attempt, none)
    })
  }

  /** The longer way: others of the table, then a new one. */
  #seek(ask: ProcessAsk, attempt: (process: FedProcess, gone: () => void) => void, none: (reason: NoProcess) => void): void {
    let acquisitions = 0
    const tried = (process: FedProcess): void => {
      this.#counts.opened(process.processId)
      attempt(process, () => {
        this.#goneUntilMs.set(process.processId, Date.now() + GONE_PROCESS_MS)
        next()
      })
    }
    const next = (): void => {
      const picked = this.#pick(ask)
      if (picked !== undefined) {
        tried(picked)
        return
      }
      if (acquisitions === ACQUISITIONS_MAX) {
        none({ kind: 'refused_connection' })
        return
      }
      acquisitions += 1
      void this.#acquirer.acquire(ask.content.guid, ask.bundle, ask.traceparent).then((outcome) => {
        if (outcome.kind === 'endpoint') tried(outcome.endpoint)
        else none(outcome)
      })
    }
    next()
  }

  sweep(nowMs: number): void {
    for (const [processId, untilMs] of this.#goneUntilMs) if (untilMs <= nowMs) this.#goneUntilMs.delete(processId)
  }

  connectionsOf(processId: string): number {
    return this.#counts.connectionsOf(processId)
  }

  hasSession(sticky: StickyKey): boolean {
    return this.#counts.hasSession(sticky.processId, sticky.visit)
  }

  isGone(processId: string): boolean {
    if (this.#goneUntilMs.size === 0) return false
    const untilMs = this.#goneUntilMs.get(processId)
    return untilMs !== undefined && Date.now() < untilMs
  }

  #pick(ask: ProcessAsk): FedProcess | undefined {
    // The newest table: the visit may have waited for its decision or for a process since it was matched.
    const content = this.#feed.table.contents.get(ask.content.guid)
    const bundle = content === ask.content ? ask.bundle : content?.bundles.get(ask.bundle.bundleId.toString())
    return bundle === undefined ? undefined : pickProcess(bundle.processes, this, ask.sticky)
  }
}
