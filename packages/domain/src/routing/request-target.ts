export interface RequestTarget {
  /** Begins with a slash; dot segments are gone. */
  readonly path: string
  /** With its question mark, or empty. */
  readonly query: string
}

/**
 * Splits the target of a request line and removes dot segments, plain or percent-encoded (a client asks for
 * `/__api__/../content/<guid>`, publisher-api 1.1 rule 6). Null for what no server of ours answers: `*`, authority form, a path
 * with control characters.
 */
export function parseRequestTarget(target: string): RequestTarget | null {
  let text = target
  if (text.charCodeAt(0) !== 0x2f) {
    // Absolute form: a proxy's way to ask; Host decides, so its authority is dropped.
    const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(text)
    if (absolute === null) return null
    text = absolute[1] as string
    if (text.charCodeAt(0) !== 0x2f) text = `/${text}`
  }
  const fragment = text.indexOf('#')
  if (fragment !== -1) text = text.slice(0, fragment)
  const mark = text.indexOf('?')
  const path = mark === -1 ? text : text.slice(0, mark)
  const query = mark === -1 ? '' : text.slice(mark)
  if (UNPRINTABLE.test(text)) return null
  return { path: normalisePath(path), query }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not pass
const UNPRINTABLE = /[\x00-\x20\x7f]/

const MAYBE_DOTS = /\/(?:\.|%2e)/i

/** RFC 3986 5.2.4, with `%2e` taken for a dot as browsers do. Never rises above the root. */
export function normalisePath(path: string): string {
  if (!MAYBE_DOTS.test(path)) return path
  const out: string[] = []
  const segments = path.slice(1).split('/')
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1
    const plain = segment.length <= 6 ? segment.replace(/%2e/gi, '.') : segment
    if (plain === '.' || plain === '..') {
      if (plain === '..') out.pop()
      if (last) out.push('')
      return
    }
    out.push(segment)
  })
  return `/${out.join('/')}`
}
