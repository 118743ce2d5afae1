import { expect, test } from 'vitest'
import { desiredDigest } from './desired-digest.js'
import { ProcessSpec } from './gen/berth/agent/v1/workload.js'

const spec = (id: string, env: Record<string, string> = {}) => ProcessSpec.fromPartial({ processId: id, fence: 7n, env })
const hex = (specs: readonly ProcessSpec[]) => desiredDigest(specs).toString('hex')

test('the digest survives the wire', () => {
  const set = [spec('a', { B: '1', A: '2', '3': 'x' }), spec('b')]
  const received = set.map((one) => ProcessSpec.decode(ProcessSpec.encode(one).finish()))
  expect(hex(received)).toBe(hex(set))
})

test('the order in which variables were written does not count', () => {
  expect(hex([spec('a', { A: '1', B: '2' })])).toBe(hex([spec('a', { B: '2', A: '1' })]))
})

test('another value, another process or another order is another digest', () => {
  const seen = [[spec('a')], [spec('b')], [spec('a'), spec('b')], [spec('b'), spec('a')], [spec('a', { A: '1' })], []].map(hex)
  expect(new Set(seen).size).toBe(seen.length)
})
