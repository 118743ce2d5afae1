import { expect, test } from 'vitest'
import { decideIdle, type IdleFacts } from './decide-idle.js'

const idle: IdleFacts = { intent: 'run', ready: true, connections: 0, idleMs: 5_000, idleTimeoutMs: 5_000, drainConfirmed: false }

test.each([
  ['R-054 zero connections for the idle timeout', {}, 'drain'],
  ['not long enough', { idleMs: 4_999 }, 'keep'],
  ['a connection', { connections: 1 }, 'keep'],
  ['a timeout of 0 is never', { idleTimeoutMs: 0, idleMs: 1e9 }, 'keep'],
  ['a gateway that says nothing', { connections: null }, 'keep'],
  ['still starting', { ready: false }, 'keep'],
  ['draining, not confirmed: a visit may still begin', { intent: 'drain' }, 'keep'],
  ['draining, confirmed, a visit had begun before', { intent: 'drain', drainConfirmed: true, connections: 1 }, 'keep'],
  ['draining, confirmed, empty', { intent: 'drain', drainConfirmed: true }, 'stop'],
  ['draining, confirmed, a gateway fell silent', { intent: 'drain', drainConfirmed: true, connections: null }, 'keep'],
  ['stopping already', { intent: 'stop', drainConfirmed: true }, 'keep'],
] as const)('%s', (_name, change, decision) => {
  expect(decideIdle({ ...idle, ...change })).toBe(decision)
})
