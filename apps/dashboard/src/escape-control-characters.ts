export interface LogSpan {
  readonly text: string
  /** True for a control character that was made visible. */
  readonly escaped: boolean
}

// Controls (Cc: C0, DEL, C1) but tab and newline, and the characters that change the direction of what follows.
const UNSAFE = /(?:(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069])+/gu

/**
 * Splits what a program printed into plain text and visible stand-ins for control characters, so that a log can neither
 * hide, move nor reorder what is shown. Tab and newline stay as they are.
 */
export function escapeControlCharacters(raw: string): LogSpan[] {
  const spans: LogSpan[] = []
  let from = 0
  for (const match of raw.matchAll(UNSAFE)) {
    if (match.index > from) spans.push({ text: raw.slice(from, match.index), escaped: false })
    spans.push({ text: [...match[0]].map(standIn).join(''), escaped: true })
    from = match.index + match[0].length
  }
  if (from < raw.length) spans.push({ text: raw.slice(from), escaped: false })
  return spans
}

function standIn(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}
