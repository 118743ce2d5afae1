import { expect, test } from 'vitest'
import { checkVariables } from './check-variables.js'

const limits = { countMax: 3, nameBytesMax: 10, valueBytesMax: 8 }
const check = (...changes: { name: string; value: string | null }[]) => checkVariables(changes, limits, ['PATH'])

test('names and values within the limits are accepted', () => {
  expect(check({ name: 'A', value: 'x' }, { name: '_b1', value: null }, { name: 'C', value: '' })).toBeUndefined()
})

test.each([
  ['a name with a sign', [{ name: 'A-B', value: 'x' }], 25],
  ['a name that starts with a digit', [{ name: '1A', value: 'x' }], 25],
  ['an empty name', [{ name: '', value: 'x' }], 25],
  ['a long name', [{ name: 'ABCDEFGHIJK', value: 'x' }], 25],
  ['a long value', [{ name: 'A', value: '123456789' }], 25],
  ['NUL in a value', [{ name: 'A', value: 'a\0b' }], 25],
  ['too many', 'ABCD'.split('').map((name) => ({ name, value: 'x' })), 25],
  ['a prohibited name', [{ name: 'PATH', value: '/' }], 108],
  [
    'a name twice',
    [
      { name: 'A', value: '1' },
      { name: 'A', value: null },
    ],
    149,
  ],
])('%s is refused', (_name, changes, apiCode) => {
  expect(check(...changes)?.apiCode).toBe(apiCode)
})
