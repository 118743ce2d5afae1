import { setTimeout as sleep } from 'node:timers/promises'
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN } from '../limits.js'

/** Full jitter: anything up to a ceiling that doubles from RECONNECT_MS_MIN to RECONNECT_MS_MAX. random is in [0, 1). */
export function reconnectDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt, 20))
  return Math.round(random * ceiling)
}

/** Waits, or until aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: true }).catch(() => undefined)
}
