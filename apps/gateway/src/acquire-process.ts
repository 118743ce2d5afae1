import type { FedBundle } from '@berth/domain/routing/route-table.js'
import type { ProcessEndpoint, RouteServiceClient, StartFailure } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { Metadata, status } from '@grpc/grpc-js'
import { ACQUIRE_MARGIN_MS, HELD_REQUESTS_MAX, HELD_REQUESTS_PER_BUNDLE_MAX } from './limits.js'

export type AcquireOutcome =
  | { readonly kind: 'endpoint'; readonly endpoint: ProcessEndpoint }
  | { readonly kind: 'failed'; readonly failure: StartFailure }
  | { readonly kind: 'timed_out' }
  /** The control plane cannot be asked. */
  | { readonly kind: 'away' }
  /** Too many visitors wait already. */
  | { readonly kind: 'full' }

interface Acquisition {
  readonly outcome: Promise<AcquireOutcome>
  waiting: number
}

/** Asks for a process and holds visitors until there is one. Those who come meanwhile share one question. */
export class ProcessAcquirer {
  readonly #client: RouteServiceClient
  readonly #running = new Map<string, Acquisition>()
  #held = 0

  constructor(client: RouteServiceClient) {
    this.#client = client
  }

  async acquire(contentGuid: string, bundle: FedBundle, traceparent: string): Promise<AcquireOutcome> {
    const key = `${contentGuid}/${bundle.bundleId}`
    let acquisition = this.#running.get(key)
    if (acquisition === undefined) {
      const outcome = this.#ask(contentGuid, bundle, traceparent).finally(() => this.#running.delete(key))
      acquisition = { outcome, waiting: 0 }
      this.#running.set(key, acquisition)
    }
    if (acquisition.waiting >= HELD_REQUESTS_PER_BUNDLE_MAX || this.#held >= HELD_REQUESTS_MAX) return { kind: 'full' }
    acquisition.waiting += 1
    this.#held += 1
    try {
      return await acquisition.outcome
    } finally {
      acquisition.waiting -= 1
      this.#held -= 1
    }
  }

  #ask(contentGuid: string, bundle: FedBundle, traceparent: string): Promise<AcquireOutcome> {
    return new Promise((resolve) => {
      this.#client.acquireProcess(
        { contentGuid, bundleId: bundle.bundleId, traceparent },
        new Metadata(),
        { deadline: Date.now() + bundle.initTimeoutMs + ACQUIRE_MARGIN_MS },
        (error, response) => {
          if (error !== null) resolve({ kind: error.code === status.DEADLINE_EXCEEDED ? 'timed_out' : 'away' })
          else if (response.outcome?.$case === 'endpoint') resolve({ kind: 'endpoint', endpoint: response.outcome.value })
          else if (response.outcome?.$case === 'failure') resolve({ kind: 'failed', failure: response.outcome.value })
          else resolve({ kind: 'away' })
        },
      )
    })
  }
}
