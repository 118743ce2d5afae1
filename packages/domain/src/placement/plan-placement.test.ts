import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PlacementNode, planPlacement } from './plan-placement.js'

const node = (nodeId: string, change: Partial<PlacementNode> = {}): PlacementNode => ({
  nodeId,
  link: 'live',
  cpuCount: 4,
  liveProcesses: 0,
  pythons: ['3.11.2'],
  rs: ['4.2.2'],
  ...change,
})
const anything = { python: null, r: null }

test.each([
  [
    'the one with fewer processes per processor',
    [node('a', { liveProcesses: 3 }), node('b', { liveProcesses: 4, cpuCount: 16 })],
    anything,
    'b',
  ],
  ['the first of equals', [node('b'), node('a')], anything, 'a'],
  ['a live one before an emptier suspect one', [node('a', { link: 'suspect' }), node('b', { liveProcesses: 9 })], anything, 'b'],
  ['a suspect one when there is no other', [node('a', { link: 'suspect' }), node('b', { link: 'disconnected' })], anything, 'a'],
  [
    'the one that has the interpreter',
    [node('a', { pythons: [] }), node('b', { liveProcesses: 50 })],
    { python: '3.11.2', r: null },
    'b',
  ],
] as const)('%s', (_name, nodes, need, chosen) => {
  expect(planPlacement(nodes, need, 100)).toEqual({ kind: 'place', nodeId: chosen })
})

test.each([
  ['no node', [], anything, 'No host has joined yet.'],
  ['none connected', [node('a', { link: 'disconnected' })], anything, 'No host is connected.'],
  ['none with the interpreter', [node('a')], { python: '3.12.0', r: '4.2.2' }, /Python 3\.12\.0 and R 4\.2\.2/],
  ['all full', [node('a', { liveProcesses: 100 })], anything, /already runs 100/],
] as const)('%s: nothing is placed, and it is said why', (_name, nodes, need, why) => {
  const placement = planPlacement(nodes, need, 100)
  expect(placement.kind === 'none' ? placement.message : '').toMatch(why)
})

test('the choice does not depend on the order of the nodes, and never falls on one that cannot', () => {
  const arbitrary = fc.uniqueArray(
    fc.record({
      nodeId: fc.uuid(),
      link: fc.constantFrom('live', 'suspect', 'disconnected'),
      cpuCount: fc.nat(8),
      liveProcesses: fc.nat(12),
      pythons: fc.subarray(['3.11.2', '3.12.0']),
      rs: fc.constant([]),
    }),
    { selector: (one) => one.nodeId },
  )
  fc.assert(
    fc.property(arbitrary, (nodes) => {
      const need = { python: '3.11.2', r: null }
      const placement = planPlacement(nodes, need, 10)
      expect(planPlacement([...nodes].reverse(), need, 10)).toEqual(placement)
      if (placement.kind === 'none') return
      const chosen = nodes.find((one) => one.nodeId === placement.nodeId)
      expect(chosen?.link).not.toBe('disconnected')
      expect(chosen?.pythons).toContain('3.11.2')
      expect(chosen?.liveProcesses).toBeLessThan(10)
    }),
  )
})
