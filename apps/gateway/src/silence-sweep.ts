import { SILENCE_SWEEP_MS } from './limits.js'

/** Something open that may be silent only so long (R-118's neighbours ConnectionTimeout and ReadTimeout; 0 = for ever). */
export interface Watched {
  readonly lastByteMs: number
  readonly lastVisitorByteMs: number
  /** The visitor owes us bytes: his silence counts. */
  readonly awaitsVisitor: boolean
  giveUp(): void
}

export interface SilenceLimits {
  /** Silence in both directions. */
  readonly connectionTimeoutMs: number
  /** Silence of the visitor. */
  readonly readTimeoutMs: number
}

/** One timer for all open exchanges: a timer each would cost more than the exchange. */
export class SilenceSweep {
  readonly #watched = new Map<Watched, SilenceLimits>()
  #timer: NodeJS.Timeout | undefined

  /** @param alongside called with each sweep */
  start(alongside: (nowMs: number) => void): void {
    this.#timer = setInterval(() => {
      const nowMs = Date.now()
      for (const [watched, limits] of this.#watched) {
        const silent = limits.connectionTimeoutMs > 0 && nowMs - watched.lastByteMs > limits.connectionTimeoutMs
        const unread =
          watched.awaitsVisitor && limits.readTimeoutMs > 0 && nowMs - watched.lastVisitorByteMs > limits.readTimeoutMs
        if (silent || unread) watched.giveUp()
      }
      alongside(nowMs)
    }, SILENCE_SWEEP_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  watch(watched: Watched, limits: SilenceLimits): void {
    this.#watched.set(watched, limits)
  }

  forget(watched: Watched): void {
    this.#watched.delete(watched)
  }

  get size(): number {
    return this.#watched.size
  }

  giveUpAll(which: (watched: Watched) => boolean): void {
    for (const watched of [...this.#watched.keys()]) if (which(watched)) watched.giveUp()
  }
}
