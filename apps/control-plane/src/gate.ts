import { AppError } from '@berth/domain/app-error.js'

export interface Gate {
  /** Runs the work when there is a place, in order of arrival. Fails with too_many when too many wait already. */
  pass<T>(work: () => Promise<T>): Promise<T>
}

/** So many at once, so many waiting; whoever comes then is told `refusal`. */
export function createGate(limits: { readonly atOnce: number; readonly waiting: number; readonly refusal: string }): Gate {
  let running = 0
  const queue: (() => void)[] = []
  return {
    async pass(work) {
      if (running < limits.atOnce) running += 1
      else {
        if (queue.length >= limits.waiting) throw new AppError('too_many', limits.refusal)
        // The one who leaves hands over its place: `running` does not change.
        await new Promise<void>((resolve) => queue.push(resolve))
      }
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next === undefined) running -= 1
        else next()
      }
    },
  }
}
