export interface Coalescer {
  /** Something changed. */
  trigger(): void
  stop(): void
}

/**
 * Runs the work at once on the first trigger, and at most once per `quietMs` after that: a lone change waits for nothing (cold starts),
 * a burst costs two runs. Work never overlaps; a trigger while it runs makes it run again. The work handles its own failures.
 */
export function createCoalescer(quietMs: number, work: () => Promise<void>): Coalescer {
  let running = false
  let wanted = false
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const run = async (): Promise<void> => {
    running = true
    wanted = false
    try {
      await work()
    } finally {
      running = false
      if (!stopped) {
        timer = setTimeout(() => {
          timer = undefined
          if (wanted) void run()
        }, quietMs)
      }
    }
  }
  return {
    trigger() {
      wanted = true
      if (!stopped && !running && timer === undefined) void run()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      timer = undefined
    },
  }
}
