import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startOfLastLines } from './start-of-last-lines.js'

const tail = (text: string, linesMax: number) => text.slice(startOfLastLines(Buffer.from(text), linesMax).from)

test('the last lines, and one more when the last is unfinished', () => {
  expect(tail('a\nb\nc\n', 2)).toBe('b\nc\n')
  expect(tail('z\na\nb\nc', 2)).toBe('a\nb\nc')
  expect(tail('a\nb\n', 9)).toBe('a\nb\n')
  expect(tail('\n\n\n', 0)).toBe('')
})

test('many line ends are not all looked at', () => {
  expect(startOfLastLines(Buffer.alloc(16 * 1024 * 1024, 10), 5)).toEqual({ from: 16 * 1024 * 1024 - 5, lineEnds: 6 })
})

test('the tail holds the last lines of the whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n') }), fc.integer({ min: 1, max: 6 }), (text, linesMax) => {
      const lines = (all: string) => all.replace(/\n$/, '').split('\n').slice(-linesMax)
      expect(lines(tail(text, linesMax))).toEqual(lines(text))
    }),
  )
})
