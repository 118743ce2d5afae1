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

/** Something watched, as a link of a chain. */
export interface Watch {
  readonly watched: Watched
  readonly limits: SilenceLimits
  previous: Watch | undefined
  next: Watch | undefined
}

/**
 * One timer for all open exchanges: a timer each would cost more than the exchange. They hang in a chain and not in a Map:
 * a Map that thousands of entries pass through leaves outgrown tables behind, each of which points to the next, and once
 * one of them is old they keep every exchange alive until a full collection (a third of the gateway's time, measured).
 */
export class SilenceSweep {
  #first: Watch | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param alongside called with each sweep */
  start(alongside: (nowMs: number) => void): void {
    this.#timer = setInterval(() => {
      const nowMs = Date.now()
      this.#each(({ watched, limits }) => {
        const silent = limits.connectionTimeoutMs > 0 && nowMs - watched.lastByteMs > limits.connectionTimeoutMs
        const unread =
          watched.awaitsVisitor && limits.readTimeoutMs > 0 && nowMs - watched.lastVisitorByteMs > limits.readTimeoutMs
        if (silent || unread) watched.giveUp()
      })
      alongside(nowMs)
    }, SILENCE_SWEEP_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  watch(watched: Watched, limits: SilenceLimits): Watch {
    const watch: Watch = { watched, limits, previous: undefined, next: this.#first }
    if (this.#first !== undefined) this.#first.previous = watch
    this.#first = watch
    return watch
  }

  forget(watch: Watch): void {
    if (watch.previous !== undefined) watch.previous.next = watch.next
    else if (this.#first === watch) this.#first = watch.next
    if (watch.next !== undefined) watch.next.previous = watch.previous
    // A link that was taken out holds nothing.
    watch.previous = undefined
    watch.next = undefined
  }

  giveUpAll(which: (watched: Watched) => boolean): void {
    this.#each(({ watched }) => {
      if (which(watched)) watched.giveUp()
    })
  }

  /** Whoever gives up takes itself out of the chain. */
  #each(visit: (watch: Watch) => void): void {
    for (let watch = this.#first; watch !== undefined; ) {
      const { next } = watch
      visit(watch)
      watch = next
    }
  }
}
