import { expect, test } from 'vitest'
import { decideAdoption, type Remains } from './adopt.js'

const record = { code: 37, signal: 0, reason: 'exited', step: '', message: '', stdoutBytes: 1n, stderrBytes: 0n } as const
const remains = (some: Partial<Remains>): Remains => ({
  endReported: false,
  record: undefined,
  sameBoot: true,
  monitor: 'gone',
  wasLaunched: false,
  ...some,
})
const lost = { from: { kind: 'ended', record: undefined, rebooted: false }, kill: true }

test.each<[string, Partial<Remains>, object]>([
  ['accepted and never launched: it starts under the same id', {}, { from: { kind: 'start' }, kill: false }],
  ['its monitor answers: it is adopted', { monitor: 'answers', wasLaunched: true }, { from: { kind: 'adopt' }, kill: false }],
  ['its monitor is still building the sandbox: it is adopted', { monitor: 'answers' }, { from: { kind: 'adopt' }, kill: false }],
  [
    'it ended while nobody looked: the record counts',
    { record, wasLaunched: true },
    { from: { kind: 'ended', record, rebooted: false }, kill: false },
  ],
  [
    'the record counts over a reboot',
    { record, sameBoot: false },
    { from: { kind: 'ended', record, rebooted: false }, kill: false },
  ],
  [
    'the host was started anew: it is gone, launched or not',
    { sameBoot: false },
    { from: { kind: 'ended', record: undefined, rebooted: true }, kill: false },
  ],
  ['its monitor was killed: the rest is killed and never started again', { wasLaunched: true }, lost],
  ['its monitor never answers: killed', { monitor: 'silent' }, lost],
  [
    'its end was reported: only clearing up is left',
    { endReported: true, record, sameBoot: false },
    { from: { kind: 'over' }, kill: false },
  ],
])('%s', (_fact, some, expected) => {
  expect(decideAdoption(remains(some))).toEqual(expected)
})
