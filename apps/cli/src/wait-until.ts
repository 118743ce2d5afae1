import { setTimeout as delay } from 'node:timers/promises'

/** Asks until the answer is not undefined or false; undefined when the time is over or `signal` is raised. */
export async function waitUntil<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly timeoutMs: number; readonly pollMs: number; readonly signal?: AbortSignal },
): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() >= deadline || options.signal?.aborted === true) return undefined
    await delay(options.pollMs)
  }
}
