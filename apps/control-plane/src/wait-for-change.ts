import type { ChangeChannel, ChangeFeed } from './events.js'

export interface ChangeWait<T> {
  readonly feed: ChangeFeed
  readonly channel: ChangeChannel
  readonly id: string
  /** Reads the rows; undefined = not yet. Never runs twice at once. */
  check(): Promise<T | undefined>
  /** Reads again after so long although nobody rang. */
  readonly recheckMs: number
  /** Milliseconds from now; undefined = no limit but the signal's. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export type Waited<T> = { readonly kind: 'seen'; readonly value: T } | { readonly kind: 'timeout' } | { readonly kind: 'aborted' }

/** Subscribes, reads, waits, in this order: a change between reading and waiting cannot be missed. */
export async function waitForChange<T>(wait: ChangeWait<T>): Promise<Waited<T>> {
  const deadline = wait.timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + wait.timeoutMs
  let rung = false
  let wake: (() => void) | undefined
  const knock = (): void => {
    rung = true
    wake?.()
  }
  const off = wait.feed.on(wait.channel, wait.id, knock)
  const offResync = wait.feed.onResync(knock)
  wait.signal?.addEventListener('abort', knock)
  try {
    for (;;) {
      rung = false
      if (wait.signal?.aborted === true) return { kind: 'aborted' }
      const value = await wait.check()
      if (value !== undefined) return { kind: 'seen', value }
      const left = deadline - performance.now()
      if (left <= 0) return { kind: 'timeout' }
      if (rung) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, wait.recheckMs))
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      wake = undefined
    }
  } finally {
    off()
    offResync()
    wait.signal?.removeEventListener('abort', knock)
  }
}
