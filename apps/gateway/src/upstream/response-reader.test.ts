import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ANSWER_HEAD_BYTES_MAX, INFORMATIONAL_ANSWERS_MAX } from '../limits.js'
import { type RefusedAnswer, RefusedAnswerError, ResponseReader } from './response-reader.js'

interface Heard {
  status: number | undefined
  headers: readonly string[]
  body: string
  ended: boolean
  refused: RefusedAnswer | undefined
  reusable: boolean
}

/** Lets the reader hear these pieces and then, when asked, the end of the connection. */
function hear(pieces: readonly Buffer[], how: { head?: boolean; upgrade?: boolean; close?: boolean } = {}): Heard {
  const heard: Heard = { status: undefined, headers: [], body: '', ended: false, refused: undefined, reusable: false }
  const reader = new ResponseReader({
    onHead: (head) => {
      heard.status = head.status
      heard.headers = head.raw
    },
    onBody: (chunk) => {
      heard.body += chunk.toString('latin1')
    },
    onEnd: () => {
      heard.ended = true
    },
  })
  reader.begin({ head: how.head ?? false, upgrade: how.upgrade ?? false })
  try {
    for (const piece of pieces) reader.push(piece)
    if (how.close === true) reader.close()
  } catch (error) {
    if (!(error instanceof RefusedAnswerError)) throw error
    heard.refused = error.reason
  }
  heard.reusable = reader.reusable
  return heard
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const once = (text: string, how = {}): Heard => hear([bytes(text)], how)
const bytewise = (text: string, how = {}): Heard =>
  hear(
    [...bytes(text)].map((byte) => Buffer.from([byte])),
    how,
  )

const GOOD: readonly [name: string, text: string, body: string, how: { head?: boolean; close?: boolean }][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello', {}],
  ['no length of zero', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '', {}],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
    'hello world',
    {},
  ],
  [
    'chunks and trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n',
    'a',
    {},
  ],
  ['the end of the connection', 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it', 'all of it', { close: true }],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', '', {}],
  ['304 with a length that does not come', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n', '', {}],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', '', { head: true }],
  ['an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx', 'x', {}],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx', 'x', {}],
  [
    'informational answers first',
    'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
    'x',
    {},
  ],
  ['blanks around a value', 'HTTP/1.1 200 OK\r\nContent-Length:\t 1 \t\r\n\r\nx', 'x', {}],
  ['line breaks in a body', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\n\r\r\n\n\0', '\n\r\r\n\n\0', {}],
]

describe('an answer that can be understood in one way', () => {
  test.each(GOOD)('is framed by %s', (_name, text, body, how) => {
    for (const heard of [once(text, how), bytewise(text, how)]) {
      expect(heard).toMatchObject({ body, ended: true, refused: undefined })
    }
  })

  test('leaves the connection to the next request only when it says where it ended and does not close', () => {
    expect(once('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx').reusable).toBe(true)
    expect(once('HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx').reusable).toBe(false)
    expect(once('HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx').reusable).toBe(false)
  })

  test('hands on what follows a switch of protocols untouched', () => {
    const reader = new ResponseReader({ onHead: () => {}, onBody: () => {}, onEnd: () => {} })
    reader.begin({ head: false, upgrade: true })
    reader.push(bytes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02'))
    reader.push(bytes('hi'))
    expect(reader.takeSwitched().toString('latin1')).toBe('\x81\x02hi')
  })
})

const H = 'HTTP/1.1 200 OK\r\n'
const C = `${H}Transfer-Encoding: chunked\r\n\r\n`
const BAD: readonly [RefusedAnswer, string][] = [
  ['two_content_lengths', `${H}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
  ['two_content_lengths', `${H}content-length: 1\r\nCONTENT-LENGTH: 2\r\n\r\nxx`],
  ['bad_content_length', `${H}Content-Length: 1, 1\r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: +1\r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: -1\r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: 0x1\r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: \r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: 1 1\r\n\r\nx`],
  ['bad_content_length', `${H}Content-Length: 9999999999999999\r\n\r\n`],
  ['length_with_chunked', `${H}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['length_with_chunked', `${H}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n`],
  ['bad_transfer_encoding', `${H}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ['bad_transfer_encoding', `${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['bad_transfer_encoding', `${H}Transfer-Encoding: identity\r\n\r\n`],
  ['bad_transfer_encoding', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['bare_line_break', 'HTTP/1.1 200 OK\nContent-Length: 1\n\nx'],
  ['bare_line_break', `${H}A: b\nContent-Length: 1\r\n\r\nx`],
  ['bare_line_break', `${H}A: b\rContent-Length: 1\r\n\r\nx`],
  ['bad_character', `${H}A: b\0c\r\n\r\n`],
  ['bad_header', `${H}Content-Length : 1\r\n\r\nx`],
  ['bad_header', `${H}A: b\r\n folded\r\n\r\n`],
  ['bad_header', `${H}no colon\r\n\r\n`],
  ['bad_header', `${H}: empty name\r\n\r\n`],
  ['bad_header', `${H}Cont\xe9nt: 1\r\n\r\n`],
  ['bad_status_line', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['bad_status_line', 'HTTP/2 200 OK\r\n\r\n'],
  ['bad_status_line', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['bad_status_line', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['bad_status_line', 'HTTP/1.1 600 OK\r\n\r\n'],
  ['bad_status_line', 'ICY 200 OK\r\n\r\n'],
  ['unexpected_switch', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['too_many_informational', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(INFORMATIONAL_ANSWERS_MAX + 1)],
  ['bad_chunk', `${C}-1\r\n`],
  ['bad_chunk', `${C}0x5\r\nhello\r\n`],
  ['bad_chunk', `${C} 5\r\nhello\r\n`],
  ['bad_chunk', `${C}\r\n`],
  ['bad_chunk', `${C}5\r\nhelloworld\r\n`],
  ['bad_chunk', `${C}fffffffffffff\r\n`],
  ['bad_chunk', `${C}1;${'x'.repeat(600)}\r\n`],
  ['bare_line_break', `${C}5\nhello\r\n`],
  ['bare_line_break', `${C}0\r\nA: b\n\r\n`],
  ['bad_header', `${C}0\r\nnot a trailer\r\n\r\n`],
  ['trailers_too_large', `${C}0\r\n${`A: ${'x'.repeat(400)}\r\n`.repeat(30)}\r\n`],
  ['head_too_large', `${H}A: ${'x'.repeat(ANSWER_HEAD_BYTES_MAX)}\r\n\r\n`],
  ['too_many_headers', `${H}${'A: b\r\n'.repeat(300)}\r\n`],
  ['unexpected_bytes', `${H}Content-Length: 1\r\n\r\nxy`],
  ['unexpected_bytes', 'HTTP/1.1 204 No Content\r\n\r\n0\r\n\r\n'],
]

describe('an answer that two readers could understand differently', () => {
  test.each(BAD)('is refused: %s', (reason, text) => {
    expect(once(text).refused).toBe(reason)
    expect(bytewise(text).refused).toBe(reason)
    expect(once(text).reusable).toBe(false)
  })

  test('is refused when it is cut short', () => {
    for (const text of [H, `${H}Content-Length: 5\r\n\r\nhell`, `${C}5\r\nhello\r\n`, `${C}5\r\nhello\r\n0\r\n`]) {
      expect(once(text, { close: true }).refused).toBe('truncated')
    }
  })
})

describe('splitting the same bytes differently', () => {
  const pieces = (text: Buffer, cuts: readonly number[]): Buffer[] => {
    const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
    return at.slice(1).map((end, i) => text.subarray(at[i] as number, end))
  }
  // Made of parts that matter, so that many are almost right.
  const almost = fc
    .array(
      fc.constantFrom(
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.1 100 Continue\r\n\r\n',
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Connection: close\r\n',
        'X: y\r\n',
        '\r\n',
        '3\r\nabc\r\n',
        '0\r\n',
        'abc',
        '\n',
        '\r',
        '\0',
        'A: b\n',
        ' ',
      ),
      { maxLength: 14 },
    )
    .map((parts) => bytes(`HTTP/1.1 200 OK\r\n${parts.join('')}`))

  test('gives the same result', () => {
    fc.assert(
      fc.property(almost, fc.array(fc.nat(200), { maxLength: 8 }), fc.boolean(), fc.boolean(), (text, cuts, head, close) => {
        const whole = hear([text], { head, close })
        const split = hear(pieces(text, cuts), { head, close })
        expect({ ...split, refused: split.refused !== undefined }).toEqual({ ...whole, refused: whole.refused !== undefined })
      }),
      { numRuns: 3_000 },
    )
  })

  test('never lets anything but a refusal out of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 5 }), (raw, cuts) => {
        hear(pieces(Buffer.from(raw), cuts), { close: true })
      }),
      { numRuns: 2_000 },
    )
  })
})
