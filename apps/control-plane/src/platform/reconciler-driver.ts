import { errorChain } from '@berth/domain/app-error.js'
import type { Log } from '../telemetry.js'

export interface Reconciler {
  /** Runs once more as soon as it can. */
  kick(): void
  stop(): Promise<void>
}

/** Runs the work now and then every `everyMs`; never twice at once; a failure is logged and the next round tries again. */
export function startReconciler(name: string, everyMs: number, work: () => Promise<void>, log: Log): Reconciler {
  let stopped = false
  let kicked = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const round = (): void => {
    kicked = false
    timer = undefined
    running = work()
      .catch((error: unknown) => log.warn({ reconciler: name, error: errorChain(error) }, 'a round failed; it is tried again'))
      .finally(() => {
        running = undefined
        if (stopped) return
        if (kicked) round()
        else timer = setTimeout(round, everyMs)
      })
  }
  round()
  return {
    kick() {
      kicked = true
      if (running !== undefined || stopped) return
      clearTimeout(timer)
      round()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
