import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type LogChunk, splitLogLines } from './split-log-lines.js'

const chunk = (stream: 'stdout' | 'stderr', at: number, data: string | null, gapBytes = 0n): LogChunk => ({
  stream,
  at: new Date(at),
  data: data === null ? null : Buffer.from(data),
  gapBytes,
})
const texts = (chunks: readonly LogChunk[], max = 1000) => splitLogLines(chunks, max).map((line) => `${line.source} ${line.data}`)

test('lines of both streams come in order of time, a cut line with its end', () => {
  expect(texts([chunk('stdout', 1, 'one\ntw'), chunk('stdout', 5, 'o\r\nthree'), chunk('stderr', 3, 'oops\n')])).toEqual([
    'stdout one',
    'stderr oops',
    'stdout two',
    'stdout three',
  ])
})

test('a gap is said where it is', () => {
  expect(texts([chunk('stdout', 1, 'begin'), chunk('stdout', 2, null, 42n), chunk('stdout', 3, 'end\n')])).toEqual([
    'stdout begin',
    'stdout [42 bytes of output were dropped here]',
    'stdout end',
  ])
})

test('a character cut between chunks is whole', () => {
  const bytes = Buffer.from('é\n')
  expect(
    texts([
      { ...chunk('stdout', 1, ''), data: bytes.subarray(0, 1) },
      { ...chunk('stdout', 2, ''), data: bytes.subarray(1) },
    ]),
  ).toEqual(['stdout é'])
})

test('a line without an end in sight comes in pieces', () => {
  expect(texts([chunk('stdout', 1, 'x'.repeat(25))], 10).map((line) => line.length)).toEqual([17, 17, 12])
})

test('where the chunks are cut does not change the lines', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n', 'b', 'é') }), fc.array(fc.nat(20)), (text, cuts) => {
      const bytes = Buffer.from(text)
      const chunks: LogChunk[] = []
      let from = 0
      for (const cut of [...cuts, bytes.length]) {
        const part = bytes.subarray(from, from + cut)
        if (part.length > 0) chunks.push({ stream: 'stdout', at: new Date(1), data: part, gapBytes: 0n })
        from += part.length
      }
      expect(texts(chunks, 1_000_000)).toEqual(
        texts([{ stream: 'stdout', at: new Date(1), data: bytes, gapBytes: 0n }], 1_000_000),
      )
    }),
  )
})
