import { expect, test } from 'vitest'
import { createLoadLedger } from './load-ledger.js'

const report = (gatewayId: string, routesGeneration: bigint, connections?: number, idleMs = 0) => ({
  gatewayId,
  routesGeneration,
  processes: connections === undefined ? [] : [{ processId: 'p', connections, idleMs }],
})

test('without a gateway nothing is known', () => {
  expect(createLoadLedger().view('p', undefined, 0)).toMatchObject({ connections: null, drainConfirmed: false })
})

test('connections of all gateways count together; a silent one makes them unknown', () => {
  const ledger = createLoadLedger()
  for (const id of ['a', 'b']) {
    ledger.watching(id, 0)
    ledger.sent(id, 10n)
  }
  ledger.report(report('a', 10n, 2), 1_000)
  expect(ledger.view('p', undefined, 1_000).connections).toBeNull()
  ledger.report(report('b', 10n, 1), 1_000)
  expect(ledger.view('p', undefined, 1_000).connections).toBe(3)
  expect(ledger.view('p', undefined, 20_000).connections).toBeNull()
  ledger.gone('b')
  ledger.report(report('a', 10n), 20_000)
  expect(ledger.view('p', undefined, 20_000)).toMatchObject({ connections: 0, idleMs: 20_000 })
})

test('idleness is never longer than the gateway has been watched', () => {
  const ledger = createLoadLedger()
  ledger.watching('a', 5_000)
  ledger.sent('a', 1n)
  ledger.report(report('a', 1n, 0, 60_000), 6_000)
  expect(ledger.view('p', undefined, 6_000).idleMs).toBe(1_000)
})

test('a drain is confirmed by a snapshot of this stream that is new enough, of every gateway', () => {
  const ledger = createLoadLedger()
  ledger.watching('a', 0)
  ledger.sent('a', 10n)
  ledger.report(report('a', 10n, 0), 1)
  expect(ledger.view('p', 11n, 1).drainConfirmed).toBe(false)
  ledger.sent('a', 11n)
  ledger.report(report('a', 11n, 0), 2)
  expect(ledger.view('p', 11n, 2).drainConfirmed).toBe(true)
  expect(ledger.view('p', undefined, 2).drainConfirmed).toBe(false)
  ledger.watching('b', 3)
  expect(ledger.view('p', 11n, 3).drainConfirmed).toBe(false)
})

test('a generation that this control plane has not sent on the present stream counts for nothing', () => {
  const ledger = createLoadLedger()
  ledger.watching('a', 0)
  ledger.sent('a', 10n)
  ledger.report(report('a', 5_000_000n, 0), 1)
  expect(ledger.view('p', 11n, 1).drainConfirmed).toBe(false)
})
