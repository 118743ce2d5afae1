import { RESTART_DELAY_MS_MAX, RESTART_DELAY_MS_MIN, RESTART_JITTER, RESTART_STABLE_AFTER_MS } from '../limits.js'

/**
 * How long to wait before something that ended is started again. Pure.
 * endsInARow: ends since it last ran for RESTART_STABLE_AFTER_MS, this one included. random: 0 to 1.
 */
export function restartDelayMs(endsInARow: number, random: number): number {
  const doubled = RESTART_DELAY_MS_MIN * 2 ** Math.min(endsInARow - 1, 20)
  return Math.round(Math.min(doubled, RESTART_DELAY_MS_MAX) * (1 + RESTART_JITTER * random))
}

/** The count after one more end. */
export function countEnd(endsInARow: number, ranMs: number): number {
  return ranMs >= RESTART_STABLE_AFTER_MS ? 1 : endsInARow + 1
}
