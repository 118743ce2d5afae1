import { expect, test } from 'vitest'
import { decideCrashHold } from './decide-crash-hold.js'

const policy = { windowMs: 60_000, failuresMax: 3, holdMs: 5_000 }

test.each([
  ['no failure', [], 100_000, { kind: 'start' }],
  ['two failures', [99_000, 98_000], 100_000, { kind: 'start' }],
  ['three a moment ago', [99_000, 98_000, 97_000], 100_000, { kind: 'hold', untilMs: 104_000 }],
  ['three, the last longer ago than the hold', [95_000, 94_000, 93_000], 100_000, { kind: 'start' }],
  ['three, one outside the window', [99_000, 98_000, 30_000], 100_000, { kind: 'start' }],
] as const)('%s', (_name, failures, now, decision) => {
  expect(decideCrashHold(failures, now, policy)).toEqual(decision)
})
