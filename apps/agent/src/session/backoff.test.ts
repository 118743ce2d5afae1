import { expect, test } from 'vitest'
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN } from '../limits.js'
import { reconnectDelayMs } from './backoff.js'

test('the ceiling doubles from the smallest to the largest distance, and the delay is anything below', () => {
  expect([0, 1, 2, 10, 1000].map((attempt) => reconnectDelayMs(attempt, 1))).toEqual([
    RECONNECT_MS_MIN,
    RECONNECT_MS_MIN * 2,
    RECONNECT_MS_MIN * 4,
    RECONNECT_MS_MAX,
    RECONNECT_MS_MAX,
  ])
  expect(reconnectDelayMs(5, 0)).toBe(0)
})
