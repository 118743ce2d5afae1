import { expect, test } from 'vitest'
import { nearestName } from './nearest-name.js'

const NAMES = ['DataDir', 'TempDir', 'Address', 'IdleTimeout', 'InitTimeout']

test.each([
  ['DataDri', 'DataDir'],
  ['datadirr', 'DataDir'],
  ['TmpDir', 'TempDir'],
  ['IddleTimeout', 'IdleTimeout'],
  ['Colour', undefined],
  ['X', undefined],
])('%s means %s', (name, expected) => {
  expect(nearestName(name, NAMES)).toBe(expected)
})
