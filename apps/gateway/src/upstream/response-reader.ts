// Reads HTTP/1.1 answers of one content from one connection. Owns the framing: where an answer begins and ends. Promises
// that what it does not understand exactly is refused, never guessed, and that splitting the same bytes differently
// gives the same result. Knows no sockets.
import {
  ANSWER_HEAD_BYTES_MAX,
  ANSWER_HEADERS_MAX,
  CHUNK_LINE_BYTES_MAX,
  INFORMATIONAL_ANSWERS_MAX,
  TRAILER_BYTES_MAX,
} from '../limits.js'

export type BodyKind = 'none' | 'length' | 'chunked' | 'until_close'

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as they came. */
  readonly raw: readonly string[]
  readonly body: BodyKind
  /** Bytes; only for `length`. For HEAD and 304 undefined: then the header speaks of a body that does not come. */
  readonly length: number | undefined
  /** The Content-Length header's text, for answers to HEAD. */
  readonly lengthHeader: string | undefined
}

export interface ResponseSink {
  onHead(head: ResponseHead): void
  onBody(chunk: Buffer): void
  onEnd(): void
}

export type RefusedAnswer =
  | 'head_too_large'
  | 'bare_line_break'
  | 'bad_character'
  | 'bad_status_line'
  | 'bad_header'
  | 'too_many_headers'
  | 'bad_content_length'
  | 'two_content_lengths'
  | 'length_with_chunked'
  | 'bad_transfer_encoding'
  | 'unexpected_switch'
  | 'too_many_informational'
  | 'bad_chunk'
  | 'trailers_too_large'
  | 'unexpected_bytes'
  | 'truncated'

/** The answer cannot be understood in exactly one way. */
export class RefusedAnswerError extends Error {
  override readonly name = 'RefusedAnswerError'
  constructor(readonly reason: RefusedAnswer) {
    super(`the answer was refused: ${reason}`)
  }
}

type State =
  | 'idle'
  | 'head'
  | 'length'
  | 'until_close'
  | 'chunk_size'
  | 'chunk_data'
  | 'chunk_end'
  | 'trailers'
  | 'switched'
  | 'refused'

const CR = 0x0d
const LF = 0x0a
const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n]*))?$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not pass
const BAD_CHARACTER = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/
// The same, and a CR or LF without the other.
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not pass
const BAD_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/
const NOTHING = Buffer.alloc(0)

export class ResponseReader {
  #state: State = 'idle'
  #sink: ResponseSink
  /** Bytes of an unfinished head or line. */
  #held: Buffer = NOTHING
  #remaining = 0
  #trailerBytes = 0
  #informational = 0
  #headRequest = false
  #upgrade = false
  #keepAlive = false
  #sawBytes = false

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** A request was sent; its answer is awaited. */
  begin(ask: { readonly head: boolean; readonly upgrade: boolean }): void {
    this.#state = 'head'
    this.#held = NOTHING
    this.#trailerBytes = 0
    this.#informational = 0
    this.#headRequest = ask.head
    this.#upgrade = ask.upgrade
    this.#keepAlive = false
    this.#sawBytes = false
  }

  /** No byte of the awaited answer has come. */
  get untouched(): boolean {
    return !this.#sawBytes
  }

  /** The answer is complete and another request may follow on the connection. */
  get reusable(): boolean {
    return this.#state === 'idle' && this.#keepAlive
  }

  /** After a 101: what came behind its head. */
  takeSwitched(): Buffer {
    const rest = this.#held
    this.#held = NOTHING
    return rest
  }

  /** @throws RefusedAnswerError; afterwards the connection must be closed */
  push(chunk: Buffer): void {
    try {
      this.#push(chunk)
    } catch (error) {
      this.#state = 'refused'
      this.#keepAlive = false
      throw error
    }
  }

  /** The other side closed. @throws RefusedAnswerError when that cuts an answer */
  close(): void {
    this.#keepAlive = false
    if (this.#state === 'until_close') {
      this.#state = 'idle'
      this.#sink.onEnd()
      return
    }
    if (this.#state === 'idle' || this.#state === 'switched') return
    this.#state = 'refused'
    throw new RefusedAnswerError('truncated')
  }

  #push(chunk: Buffer): void {
    let at = 0
    this.#sawBytes = true
    while (at < chunk.length) {
      switch (this.#state) {
        case 'idle':
          throw new RefusedAnswerError('unexpected_bytes')
        case 'refused':
          return
        case 'switched':
          this.#held = this.#held.length === 0 ? chunk.subarray(at) : Buffer.concat([this.#held, chunk.subarray(at)])
          return
        case 'head':
          at = this.#readHead(chunk, at)
          break
        case 'until_close':
          this.#sink.onBody(at === 0 ? chunk : chunk.subarray(at))
          return
        case 'length':
        case 'chunk_data': {
          const end = Math.min(chunk.length, at + this.#remaining)
          this.#remaining -= end - at
          this.#sink.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end))
          at = end
          if (this.#remaining === 0) {
            if (this.#state === 'length') this.#finish()
            else this.#state = 'chunk_end'
          }
          break
        }
        case 'chunk_size':
        case 'chunk_end':
        case 'trailers':
          at = this.#readLine(chunk, at)
          break
      }
    }
  }

  #finish(): void {
    this.#state = 'idle'
    this.#sink.onEnd()
  }

  #readHead(chunk: Buffer, from: number): number {
    const heldBefore = this.#held.length
    const bytes =
      heldBefore === 0 ? (from === 0 ? chunk : chunk.subarray(from)) : Buffer.concat([this.#held, chunk.subarray(from)])
    const end = bytes.indexOf(HEAD_END, Math.max(0, heldBefore - 3))
    if (end === -1 || end > ANSWER_HEAD_BYTES_MAX) {
      // A head with bare line breaks never ends by our rules: say so at once instead of waiting. Only what is new is looked
      // at, with the byte before it, so that a head in single bytes costs no more than one in a piece.
      let unseen = Math.max(0, heldBefore - 1)
      if (bytes[unseen] === LF && unseen > 0) unseen += 1
      const seen = bytes.toString('latin1', unseen, Math.min(bytes.length, ANSWER_HEAD_BYTES_MAX))
      refuseBadText(seen.endsWith('\r') ? seen.slice(0, -1) : seen)
      if (bytes.length >= ANSWER_HEAD_BYTES_MAX + HEAD_END.length) throw new RefusedAnswerError('head_too_large')
      this.#held = bytes
      return chunk.length
    }
    this.#held = NOTHING
    this.#beginAnswer(bytes.toString('latin1', 0, end))
    return from + (end + HEAD_END.length - heldBefore)
  }

  #beginAnswer(text: string): void {
    refuseBadText(text)
    const parsed = parseHead(text)
    const { status } = parsed
    if (status < 200 && status !== 101) {
      this.#informational += 1
      if (this.#informational > INFORMATIONAL_ANSWERS_MAX) throw new RefusedAnswerError('too_many_informational')
      return
    }
    if (status === 101) {
      if (!this.#upgrade) throw new RefusedAnswerError('unexpected_switch')
      this.#state = 'switched'
      this.#sink.onHead(headOf(parsed, 'none', undefined))
      return
    }
    this.#keepAlive = parsed.minor === 1 && !parsed.close
    if (this.#headRequest || status === 204 || status === 304) {
      this.#sink.onHead(headOf(parsed, 'none', undefined))
      this.#finish()
    } else if (parsed.chunked) {
      this.#state = 'chunk_size'
      this.#sink.onHead(headOf(parsed, 'chunked', undefined))
    } else if (parsed.length !== undefined) {
      const length = Number(parsed.length)
      this.#remaining = length
      this.#state = 'length'
      this.#sink.onHead(headOf(parsed, 'length', length))
      if (length === 0) this.#finish()
    } else {
      this.#keepAlive = false
      this.#state = 'until_close'
      this.#sink.onHead(headOf(parsed, 'until_close', undefined))
    }
  }

  /** Lines of the chunked coding: a size, the empty line behind a chunk, a trailer. */
  #readLine(chunk: Buffer, from: number): number {
    const limit = this.#state === 'chunk_end' ? 0 : CHUNK_LINE_BYTES_MAX
    const at = chunk.indexOf(LF, from)
    const end = at === -1 ? chunk.length : at + 1
    const part = chunk.subarray(from, end)
    const bytes = this.#held.length === 0 ? part : Buffer.concat([this.#held, part])
    // The line itself and its two bytes of line break.
    if (bytes.length > limit + 2) throw new RefusedAnswerError(this.#state === 'trailers' ? 'trailers_too_large' : 'bad_chunk')
    if (at === -1) {
      this.#held = bytes
      return end
    }
    this.#held = NOTHING
    if (bytes.length < 2 || bytes[bytes.length - 2] !== CR) throw new RefusedAnswerError('bare_line_break')
    const line = bytes.toString('latin1', 0, bytes.length - 2)
    refuseBadText(line)
    this.#takeLine(line)
    return end
  }

  #takeLine(line: string): void {
    if (this.#state === 'chunk_end') {
      this.#state = 'chunk_size'
      return
    }
    if (this.#state === 'chunk_size') {
      const match = CHUNK_SIZE.exec(line)
      if (match === null) throw new RefusedAnswerError('bad_chunk')
      this.#remaining = Number.parseInt(match[1] as string, 16)
      this.#state = this.#remaining === 0 ? 'trailers' : 'chunk_data'
      return
    }
    if (line === '') {
      this.#finish()
      return
    }
    // Trailers are dropped: nothing in front of us expects them. They are still bounded and well formed.
    this.#trailerBytes += line.length + 2
    if (this.#trailerBytes > TRAILER_BYTES_MAX) throw new RefusedAnswerError('trailers_too_large')
    splitHeader(line)
  }
}

interface ParsedHead {
  readonly minor: 0 | 1
  readonly status: number
  readonly reason: string
  readonly raw: readonly string[]
  readonly length: string | undefined
  readonly chunked: boolean
  readonly close: boolean
}

function headOf(parsed: ParsedHead, body: BodyKind, length: number | undefined): ResponseHead {
  return { status: parsed.status, reason: parsed.reason, raw: parsed.raw, body, length, lengthHeader: parsed.length }
}

function refuseBadText(text: string): void {
  if (!BAD_TEXT.test(text)) return
  if (BAD_CHARACTER.test(text)) throw new RefusedAnswerError('bad_character')
  throw new RefusedAnswerError('bare_line_break')
}

function parseHead(text: string): ParsedHead {
  let lineEnd = text.indexOf('\r\n')
  const statusLine = lineEnd === -1 ? text : text.slice(0, lineEnd)
  const match = STATUS_LINE.exec(statusLine)
  if (match === null) throw new RefusedAnswerError('bad_status_line')
  const minor = match[1] === '1' ? 1 : 0
  const raw: string[] = []
  let length: string | undefined
  let chunked = false
  let close = false
  while (lineEnd !== -1) {
    const from = lineEnd + 2
    lineEnd = text.indexOf('\r\n', from)
    const [name, value] = splitHeader(lineEnd === -1 ? text.slice(from) : text.slice(from, lineEnd))
    raw.push(name, value)
    // Lengths first: lower-casing every name would cost more than the rest of this loop.
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) throw new RefusedAnswerError('two_content_lengths')
      if (!/^[0-9]{1,15}$/.test(value)) throw new RefusedAnswerError('bad_content_length')
      length = value
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (chunked || minor === 0 || value.toLowerCase() !== 'chunked') throw new RefusedAnswerError('bad_transfer_encoding')
      chunked = true
    } else if (name.length === 10 && name.toLowerCase() === 'connection') {
      close ||= /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)
    }
  }
  if (raw.length > ANSWER_HEADERS_MAX * 2) throw new RefusedAnswerError('too_many_headers')
  if (chunked && length !== undefined) throw new RefusedAnswerError('length_with_chunked')
  return { minor, status: Number(match[2]), reason: match[3] ?? '', raw, length, chunked, close }
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  // Also refuses folded lines, and a blank before the colon, which readers understand differently.
  if (!TOKEN.test(name)) throw new RefusedAnswerError('bad_header')
  return [name, trimBlanks(line.slice(colon + 1))]
}

/** Optional blanks of RFC 9110: space and tab only. */
function trimBlanks(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && (value.charCodeAt(start) === 0x20 || value.charCodeAt(start) === 0x09)) start += 1
  while (end > start && (value.charCodeAt(end - 1) === 0x20 || value.charCodeAt(end - 1) === 0x09)) end -= 1
  return value.slice(start, end)
}
