import type { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import type { EventsAck, ProcessPosition } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { EVENTS_BATCH_MAX } from '../limits.js'

/** What the sender needs of a run directory. */
export interface EventSource {
  readonly id: string
  readonly events: readonly LifecycleEvent[]
  readonly acked: { readonly seq: number }
  raiseTo(seq: number): Promise<void>
  acknowledge(some: { seq: number }): void
  takeBack(seq: number): void
}

/** Hands a batch to the stream; resolves when there is room for the next one. */
export type SendEvents = (events: readonly LifecycleEvent[]) => Promise<void>

/**
 * Sends numbered events at least once and in order within a process. Only what the control plane says it stored counts as sent:
 * after each Welcome everything after that goes again, and a gap it reports is filled from the run directory.
 */
export class EventSender {
  readonly #sources: ReadonlyMap<string, EventSource>
  readonly #onAcked: (id: string) => void
  /** Highest number handed to the present stream, per process. */
  #sentSeq = new Map<string, number>()
  #send: SendEvents | undefined
  #flushing = false
  #again = false

  constructor(sources: ReadonlyMap<string, EventSource>, onAcked: (id: string) => void) {
    this.#sources = sources
    this.#onAcked = onAcked
  }

  /** A new stream. stored: what the control plane has of the processes that Hello named. */
  connected(stored: readonly ProcessPosition[], send: SendEvents): void {
    this.#send = send
    this.#sentSeq = new Map()
    for (const { processId, lastSeq } of stored) {
      const source = this.#sources.get(processId)
      if (source === undefined) continue
      if (lastSeq < source.acked.seq) source.takeBack(lastSeq)
      else
        source.raiseTo(lastSeq).then(
          () => this.wake(), // an end may have got a new number
          () => undefined, // said by the next writing, if it fails as well; the number stays as it was
        )
      this.#onAcked(processId)
    }
    this.wake()
  }

  disconnected(): void {
    this.#send = undefined
  }

  /** There may be something new. */
  wake(): void {
    this.#again = true
    if (!this.#flushing) void this.#flush()
  }

  acked(ack: EventsAck): void {
    for (const { processId, lastSeq } of ack.stored) {
      this.#sources.get(processId)?.acknowledge({ seq: lastSeq })
      this.#onAcked(processId)
    }
    let any = false
    for (const { processId, lastSeq } of ack.resend) {
      const source = this.#sources.get(processId)
      // A crash of the host took what is missing: sending the rest would be answered with the same question, without end.
      if (source?.events.some((event) => event.seq === lastSeq + 1) !== true) continue
      source.takeBack(lastSeq)
      this.#sentSeq.set(processId, lastSeq)
      any = true
    }
    if (any) this.wake()
  }

  async #flush(): Promise<void> {
    this.#flushing = true
    try {
      while (this.#again && this.#send !== undefined) {
        this.#again = false
        const batch = this.#nextBatch()
        if (batch.length === 0) continue
        this.#again = true
        await this.#send(batch)
      }
    } catch {
      // The stream is gone; the next Welcome says from where to go on.
    } finally {
      this.#flushing = false
    }
  }

  #nextBatch(): LifecycleEvent[] {
    const batch: LifecycleEvent[] = []
    for (const source of this.#sources.values()) {
      const sent = Math.max(this.#sentSeq.get(source.id) ?? 0, source.acked.seq)
      for (const event of source.events) {
        if (event.seq <= sent) continue
        if (batch.length === EVENTS_BATCH_MAX) return batch
        batch.push(event)
        this.#sentSeq.set(source.id, event.seq)
      }
    }
    return batch
  }
}
