import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCoalescer } from './coalescer.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a lone change waits for nothing; a burst costs two runs', async () => {
  let runs = 0
  const coalescer = createCoalescer(50, async () => {
    runs += 1
  })
  coalescer.trigger()
  expect(runs).toBe(1)
  for (let i = 0; i < 10; i += 1) coalescer.trigger()
  await vi.advanceTimersByTimeAsync(49)
  expect(runs).toBe(1)
  await vi.advanceTimersByTimeAsync(2)
  expect(runs).toBe(2)
  await vi.advanceTimersByTimeAsync(200)
  expect(runs).toBe(2)
  coalescer.trigger()
  expect(runs).toBe(3)
})

test('runs never overlap, and a change during one causes another', async () => {
  let running = 0
  let most = 0
  let runs = 0
  const coalescer = createCoalescer(10, async () => {
    running += 1
    runs += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 30))
    running -= 1
  })
  coalescer.trigger()
  await vi.advanceTimersByTimeAsync(5)
  coalescer.trigger()
  await vi.advanceTimersByTimeAsync(500)
  expect({ most, runs }).toEqual({ most: 1, runs: 2 })
})

test('after stop nothing runs', async () => {
  let runs = 0
  const coalescer = createCoalescer(10, async () => {
    runs += 1
  })
  coalescer.trigger()
  coalescer.trigger()
  coalescer.stop()
  coalescer.trigger()
  await vi.advanceTimersByTimeAsync(100)
  expect(runs).toBe(1)
})
