import { type CookieFacts, readCookies } from './cookies.js'
import { requestHeaderFate } from './header-names.js'

/** Names and values in turn, as they came: node's rawHeaders. */
export type RawHeaders = readonly string[]

export type Credential =
  | { readonly kind: 'api_key'; readonly key: string }
  | { readonly kind: 'session'; readonly session: string }

export interface ForwardedFacts {
  readonly for: string | undefined
  readonly host: string | undefined
  readonly proto: string | undefined
  readonly prefix: string | undefined
}

export interface RequestFacts {
  /** As sent, lower case; empty when absent. */
  readonly host: string
  readonly credential: Credential | undefined
  /** Authorization that is not ours: the content's own. */
  readonly authorization: string | undefined
  readonly cookies: CookieFacts
  readonly accept: string
  readonly origin: string | undefined
  readonly traceparent: string | undefined
  /** Unread unless the peer is a trusted proxy. */
  readonly forwarded: ForwardedFacts
  readonly contentLength: string | undefined
  readonly chunked: boolean
  /** Header lines that go to content as they came, each with its CRLF. */
  readonly passed: string
}

export type RequestRefusal = { readonly kind: 'refused'; readonly reason: string }

const HOST = /^[A-Za-z0-9._~-]+(?::[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?$/
const KEY = /^key\s+(\S+)$/i

/** Reads what routing, access and forwarding need, in one pass. Refused: what two readers could understand differently. */
export function readRequestFacts(raw: RawHeaders): RequestFacts | RequestRefusal {
  let host: string | undefined
  let cookie: string | undefined
  let authorization: string | undefined
  let rscAuthorization: string | undefined
  let accept = ''
  let origin: string | undefined
  let traceparent: string | undefined
  let contentLength: string | undefined
  let chunked = false
  let connectionNames: string[] | undefined
  let passed = ''
  let forwarded: ForwardedFacts = NOT_FORWARDED
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    switch (requestHeaderFate(name)) {
      case 'host':
        if (host !== undefined) return { kind: 'refused', reason: 'more than one Host header' }
        if (value !== '' && !HOST.test(value)) return { kind: 'refused', reason: 'the Host header is not a host' }
        host = value.toLowerCase()
        break
      case 'cookie':
        cookie = cookie === undefined ? value : `${cookie}; ${value}`
        break
      case 'authorization':
        if (authorization !== undefined) return { kind: 'refused', reason: 'more than one Authorization header' }
        authorization = value
        break
      case 'rsc_authorization':
        if (rscAuthorization !== undefined) return { kind: 'refused', reason: 'more than one X-RSC-Authorization header' }
        rscAuthorization = value
        break
      case 'accept':
        accept = accept === '' ? value : `${accept}, ${value}`
        break
      case 'origin':
        if (origin !== undefined) return { kind: 'refused', reason: 'more than one Origin header' }
        origin = value
        break
      case 'traceparent':
        traceparent ??= value
        break
      case 'length':
        if (contentLength !== undefined) return { kind: 'refused', reason: 'more than one Content-Length header' }
        contentLength = value
        break
      case 'transfer_encoding':
        if (chunked || value.toLowerCase() !== 'chunked')
          return { kind: 'refused', reason: 'only Transfer-Encoding: chunked is understood' }
        chunked = true
        break
      case 'connection':
        if (!COMMON_CONNECTION.has(value)) connectionNames = (connectionNames ?? []).concat(splitNames(value))
        break
      case 'forwarded':
        forwarded = addForwarded(forwarded, name.toLowerCase(), value)
        break
      case 'forward':
        passed += `${name}: ${value}\r\n`
        break
      default:
        break
    }
  }
  if (connectionNames !== undefined) passed = passedWithout(raw, connectionNames)
  if (chunked && contentLength !== undefined) return { kind: 'refused', reason: 'Content-Length together with Transfer-Encoding' }
  const cookies = readCookies(cookie)
  const ownKey = authorization === undefined ? null : KEY.exec(authorization)
  return {
    host: host ?? '',
    credential: credentialOf(rscAuthorization, ownKey?.[1], cookies.session),
    authorization: ownKey === null ? authorization : undefined,
    cookies,
    accept,
    origin,
    traceparent,
    forwarded,
    contentLength,
    chunked,
    passed,
  }
}

const COMMON_CONNECTION: ReadonlySet<string> = new Set(['keep-alive', 'Keep-Alive', 'close', 'Upgrade', 'upgrade', ''])
const NOT_FORWARDED: ForwardedFacts = { for: undefined, host: undefined, proto: undefined, prefix: undefined }

/** X-RSC-Authorization wins: it exists because something in front owns Authorization (publisher-api 1.2). */
function credentialOf(rsc: string | undefined, key: string | undefined, session: string | undefined): Credential | undefined {
  if (rsc !== undefined) return { kind: 'api_key', key: KEY.exec(rsc)?.[1] ?? rsc.trim() }
  if (key !== undefined) return { kind: 'api_key', key }
  return session === undefined ? undefined : { kind: 'session', session }
}

function addForwarded(facts: ForwardedFacts, name: string, value: string): ForwardedFacts {
  switch (name) {
    case 'x-forwarded-for':
      return { ...facts, for: facts.for === undefined ? value : `${facts.for}, ${value}` }
    case 'x-forwarded-host':
      return { ...facts, host: facts.host ?? value }
    case 'x-forwarded-proto':
      return { ...facts, proto: facts.proto ?? value }
    case 'x-forwarded-prefix':
      return { ...facts, prefix: facts.prefix ?? value }
    default:
      return facts
  }
}

/** Headers that Connection names are meant for us alone. */
function passedWithout(raw: RawHeaders, names: readonly string[]): string {
  let passed = ''
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    if (requestHeaderFate(name) === 'forward' && !names.includes(name.toLowerCase()))
      passed += `${name}: ${raw[i + 1] as string}\r\n`
  }
  return passed
}

function splitNames(value: string): string[] {
  return value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

/** Browsers say that they want a page; tools do not. */
export function wantsHtml(accept: string): boolean {
  return accept.includes('text/html')
}
