import { expect, test } from 'vitest'
import { RESTART_DELAY_MS_MAX, RESTART_DELAY_MS_MIN, RESTART_JITTER, RESTART_STABLE_AFTER_MS } from '../limits.js'
import { countEnd, restartDelayMs } from './restart-policy.js'

test('the first restart is quick, later ones wait twice as long each, up to a limit', () => {
  expect(restartDelayMs(1, 0)).toBe(RESTART_DELAY_MS_MIN)
  expect(restartDelayMs(2, 0)).toBe(2 * RESTART_DELAY_MS_MIN)
  expect(restartDelayMs(3, 0)).toBe(4 * RESTART_DELAY_MS_MIN)
  expect(restartDelayMs(1_000, 0)).toBe(RESTART_DELAY_MS_MAX)
})

test('chance spreads restarts', () => {
  expect(restartDelayMs(1_000, 1)).toBe(RESTART_DELAY_MS_MAX * (1 + RESTART_JITTER))
})

test('what ran long enough counts as healthy', () => {
  expect(countEnd(5, RESTART_STABLE_AFTER_MS - 1)).toBe(6)
  expect(countEnd(5, RESTART_STABLE_AFTER_MS)).toBe(1)
})
