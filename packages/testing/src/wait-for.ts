import { WAIT_POLL_INTERVAL_MS, WAIT_TIMEOUT_MS } from './limits.js'

/**
 * Asks until `ask` gives something other than undefined, null or false, and gives that back. An ask that throws counts as "not yet";
 * when the time is over its error is the cause. For conditions that nobody announces; a test never waits for time alone.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  timeoutMs: number = WAIT_TIMEOUT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== null && answer !== false) return answer
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause })
    await new Promise((resolve) => setTimeout(resolve, WAIT_POLL_INTERVAL_MS))
  }
}
