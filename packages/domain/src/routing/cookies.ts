// Our cookies among those of content (contracts, section 6).

export const SESSION_COOKIE = 'berth_session'
export const XSRF_COOKIE = 'RSC-XSRF'
export const STICKY_COOKIE = 'berth_process'

const OURS: ReadonlySet<string> = new Set([SESSION_COOKIE, XSRF_COOKIE, STICKY_COOKIE])

export interface CookieFacts {
  readonly session: string | undefined
  readonly sticky: string | undefined
  /** What is left for content, or empty. */
  readonly rest: string
}

const NO_COOKIES: CookieFacts = { session: undefined, sticky: undefined, rest: '' }

/**
 * Reads a Cookie header and takes ours out of it. Of two session cookies the last counts: browsers send narrower
 * paths first, and content can set those by script; of two sticky ones the first, which is the narrower.
 */
export function readCookies(header: string | undefined): CookieFacts {
  if (header === undefined || header === '') return NO_COOKIES
  if (!header.includes('berth_') && !header.includes(XSRF_COOKIE)) return { session: undefined, sticky: undefined, rest: header }
  let session: string | undefined
  let sticky: string | undefined
  let rest = ''
  for (let from = 0; from <= header.length; ) {
    const semicolon = header.indexOf(';', from)
    const end = semicolon === -1 ? header.length : semicolon
    const text = header.slice(from, end).trim()
    from = end + 1
    if (text === '') continue
    const equals = text.indexOf('=')
    const name = equals === -1 ? text : text.slice(0, equals).trim()
    if (!OURS.has(name)) {
      rest = rest === '' ? text : `${rest}; ${text}`
      continue
    }
    const value = equals === -1 ? '' : unquote(text.slice(equals + 1).trim())
    if (name === SESSION_COOKIE) session = value
    if (name === STICKY_COOKIE) sticky ??= value
  }
  return { session: session === '' ? undefined : session, sticky, rest }
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

export interface StickyKey {
  readonly processId: string
  readonly visit: string
}

const STICKY = /^[0-9a-f-]{36}\.[0-9a-z]{8,32}$/
const STICKY_DOT = 36

export function parseSticky(value: string | undefined): StickyKey | undefined {
  if (value === undefined || !STICKY.test(value)) return undefined
  return { processId: value.slice(0, STICKY_DOT), visit: value.slice(STICKY_DOT + 1) }
}

/** @param prefix mount path without final slash */
export function formatSticky(key: StickyKey, prefix: string, secure: boolean): string {
  return `${STICKY_COOKIE}=${key.processId}.${key.visit}; Path=${prefix}/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/**
 * A Set-Cookie of content, kept below its mount: other contents and the pages of the platform live on the same origin.
 * Null = dropped, because it has one of our names.
 */
export function confineSetCookie(header: string, prefix: string): string | null {
  const parts = header.split(';')
  const pair = parts[0] as string
  const equals = pair.indexOf('=')
  const name = equals === -1 ? '' : pair.slice(0, equals).trim()
  // A nameless cookie whose value is `berth_session=…` comes back as one of ours.
  if (name === '' || OURS.has(name)) return null
  let out = pair
  for (let i = 1; i < parts.length; i += 1) {
    const part = parts[i] as string
    const at = part.indexOf('=')
    const attribute = (at === -1 ? part : part.slice(0, at)).trim().toLowerCase()
    if (attribute === 'domain') continue
    if (attribute === 'path') {
      const path = at === -1 ? '' : part.slice(at + 1).trim()
      out += path.startsWith('/') ? `; Path=${below(path, prefix)}` : ''
      continue
    }
    out += `;${part}`
  }
  return out
}

/** Addresses of the platform itself and of other contents: content may send a visitor there. */
const PLATFORM =
  /^\/(?:content\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|connect|__login__|__logout__)(?:[/?#]|$)/

/** Moves an absolute path of content below its mount, unless it is there already. */
export function below(path: string, prefix: string): string {
  return path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}?`) ? path : prefix + path
}

/** The same for a redirect, which may also lead to the platform or to another content. */
export function redirectBelow(path: string, mount: string, platformPrefix: string): string {
  const inner = platformPrefix !== '' && path.startsWith(`${platformPrefix}/`) ? path.slice(platformPrefix.length) : path
  return PLATFORM.test(inner) ? path : below(path, mount)
}
