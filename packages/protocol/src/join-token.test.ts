import { expect, test } from 'vitest'
import { formatJoinToken, parseJoinToken } from './join-token.js'

const token = { secret: 'abcdefghijklmnop_-', authoritySha256: 'a1'.repeat(32) }

test('a join token reads back as what it was made of', () => {
  expect(parseJoinToken(`${formatJoinToken(token)}\n`)).toEqual(token)
})

test.each(['', 'abc', `abcdefghijklmnop.${'A1'.repeat(32)}`, `abcdefghijklmnop.${'a1'.repeat(31)}`, `.${'a1'.repeat(32)}`])(
  'what is no join token is refused without repeating it: %j',
  (text) => {
    expect(() => parseJoinToken(text)).toThrowError(/not a join token/)
  },
)
