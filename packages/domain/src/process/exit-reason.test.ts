import { expect, test } from 'vitest'
import { type ExitFacts, type ExitReason, exitReason } from './exit-reason.js'

const facts = (some: Partial<ExitFacts>): ExitFacts => ({
  record: { code: 0, signal: 0, reason: 'exited' },
  stopAsked: false,
  initTimedOut: false,
  rebooted: false,
  ...some,
})
const killed = { code: 137, signal: 9, reason: 'signal' } as const
const oom = { code: 137, signal: 9, reason: 'oom' } as const
const setup = { code: 125, signal: 0, reason: 'setup' } as const
const exec = { code: 127, signal: 0, reason: 'exec' } as const

test.each<[string, Partial<ExitFacts>, ExitReason]>([
  ['it ended by itself', {}, 'exited'],
  ['a signal of somebody else', { record: killed }, 'signal'],
  ['we stopped it and it exited cleanly', { stopAsked: true }, 'stopped'],
  ['we stopped it and had to kill', { stopAsked: true, record: killed }, 'stopped'],
  ['it was too slow to become ready', { initTimedOut: true, stopAsked: true, record: killed }, 'init_timeout'],
  ['out of memory', { record: oom }, 'oom'],
  ['out of memory while stopping', { record: oom, stopAsked: true }, 'oom'],
  ['the sandbox could not be made', { record: setup, stopAsked: true }, 'setup'],
  ['nothing to execute', { record: exec }, 'exec'],
  ['the monitor is gone', { record: undefined }, 'monitor_lost'],
  ['the monitor is gone while stopping', { record: undefined, stopAsked: true }, 'monitor_lost'],
  ['the host was restarted', { record: undefined, rebooted: true }, 'reboot'],
  ['the record was written before the host was restarted', { rebooted: true }, 'exited'],
])('%s', (_fact, some, expected) => {
  expect(exitReason(facts(some))).toBe(expected)
})
