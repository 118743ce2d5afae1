import { confineSetCookie, redirectBelow } from './cookies.js'
import { responseHeaderFate } from './header-names.js'
import type { PublicOrigin } from './public-origin.js'
import type { RawHeaders, RequestFacts } from './request-headers.js'

export interface VisitorIdentity {
  readonly username: string
  readonly groups: readonly string[]
}

export interface ContentHeaderAsk {
  readonly facts: RequestFacts
  readonly origin: PublicOrigin
  /** Mount path without final slash. */
  readonly prefix: string
  /** The visitor's path and query as sent. */
  readonly publicPath: string
  readonly appMode: string
  readonly visitor: VisitorIdentity | undefined
  /** Complete X-Forwarded-For. */
  readonly forwardedFor: string
  readonly traceparent: string
}

const SHINY_MODES: ReadonlySet<string> = new Set(['shiny', 'rmd-shiny', 'quarto-shiny'])

/**
 * Header lines for content, each with its CRLF, without those that frame the body (content-types 2.4; contracts 6).
 * Values come from a parser that refuses line breaks; what we add is made of checked parts.
 */
export function contentRequestHeaders(ask: ContentHeaderAsk): string {
  const { facts, origin } = ask
  const base = `${origin.proto}://${origin.host}${origin.prefix}`
  // Frameworks compare Origin with Host: the content hears the name that the visitor used.
  let out = `Host: ${origin.host}\r\n${facts.passed}`
  if (facts.accept !== '') out += `Accept: ${facts.accept}\r\n`
  if (facts.origin !== undefined) out += `Origin: ${facts.origin}\r\n`
  if (facts.authorization !== undefined) out += `Authorization: ${facts.authorization}\r\n`
  if (facts.cookies.rest !== '') out += `Cookie: ${facts.cookies.rest}\r\n`
  if (ask.visitor !== undefined) {
    const name = SHINY_MODES.has(ask.appMode) ? 'Shiny-Server-Credentials' : 'RStudio-Connect-Credentials'
    out += `${name}: ${identityJson(ask.visitor)}\r\n`
  }
  return `${out}RStudio-Connect-App-Base-URL: ${base}${ask.prefix}\r
X-RSC-Request: ${base}${ask.publicPath}\r
X-Forwarded-For: ${ask.forwardedFor}\r
X-Forwarded-Host: ${origin.host}\r
X-Forwarded-Proto: ${origin.proto}\r
X-Forwarded-Prefix: ${origin.prefix}${ask.prefix}\r
traceparent: ${ask.traceparent}\r
`
}

/** A header value is bytes: anything beyond ASCII is escaped, as JSON allows. */
export function identityJson(visitor: VisitorIdentity): string {
  const known = IDENTITIES.get(visitor)
  if (known !== undefined) return known
  const json = JSON.stringify({ user: visitor.username, groups: visitor.groups }).replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  IDENTITIES.set(visitor, json)
  return json
}

/** A visitor's requests come with one object, from the cache of visits. */
const IDENTITIES = new WeakMap<VisitorIdentity, string>()

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'host',
  'forwarded',
  'x-real-ip',
])

export interface ControlPlaneHeaderAsk {
  readonly raw: RawHeaders
  readonly facts: RequestFacts
  readonly origin: PublicOrigin
  readonly forwardedFor: string
}

/** Header lines for the control plane: credentials and cookies pass, who the visitor's connection is from is ours to say. */
export function controlPlaneRequestHeaders(ask: ControlPlaneHeaderAsk): string {
  const { raw, facts, origin } = ask
  let out = `Host: ${facts.host}\r\n`
  const named = connectionNames(raw)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower) || lower.startsWith('x-forwarded-') || lower.includes('_')) continue
    if (named?.includes(lower) === true) continue
    out += `${name}: ${raw[i + 1] as string}\r\n`
  }
  out += `X-Forwarded-For: ${ask.forwardedFor}\r\nX-Forwarded-Host: ${origin.host}\r\nX-Forwarded-Proto: ${origin.proto}\r\n`
  if (origin.prefix !== '') out += `X-Forwarded-Prefix: ${origin.prefix}\r\n`
  return out
}

function connectionNames(raw: RawHeaders): string[] | undefined {
  let names: string[] | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if ((raw[i] as string).toLowerCase() === 'connection') names = (names ?? []).concat(namesIn(raw[i + 1] as string))
  }
  return names
}

export interface ContentAnswerAsk {
  /** Names and values in turn, without framing. */
  readonly raw: RawHeaders
  readonly origin: PublicOrigin
  /** Mount path without final slash. */
  readonly prefix: string
  /** X-Frame-Options for content, empty for none. */
  readonly frameOptions: string
  /** Set-Cookie of ours, if the visitor needs one. */
  readonly stickyCookie: string | undefined
}

/** What the visitor gets of content's headers, names and values in turn (contracts 6; publisher-api 3.8). */
export function contentResponseHeaders(ask: ContentAnswerAsk): string[] {
  const out: string[] = []
  const { raw } = ask
  let named: string[] | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    switch (responseHeaderFate(name)) {
      case 'forward':
        out.push(name, value)
        break
      case 'set_cookie': {
        const confined = confineSetCookie(value, ask.origin.prefix + ask.prefix)
        if (confined !== null) out.push(name, confined)
        break
      }
      case 'location':
        out.push(name, confineLocation(value, ask.origin, ask.prefix))
        break
      case 'connection':
        named = (named ?? []).concat(namesIn(value))
        break
      default:
        break
    }
  }
  if (ask.frameOptions !== '') {
    removeHeader(out, 'x-frame-options')
    out.push('X-Frame-Options', ask.frameOptions)
  }
  for (const name of named ?? []) removeHeader(out, name)
  if (ask.stickyCookie !== undefined) out.push('Set-Cookie', ask.stickyCookie)
  return out
}

function namesIn(value: string): string[] {
  return value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive')
}

function removeHeader(headers: string[], lowerCaseName: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if ((headers[i] as string).toLowerCase() === lowerCaseName) headers.splice(i, 2)
  }
}

/**
 * A redirect of content, kept below its mount: `/login` and addresses of our own host get the prefix, relative ones and
 * other hosts stay as they are.
 */
export function confineLocation(value: string, origin: PublicOrigin, prefix: string): string {
  const mount = origin.prefix + prefix
  if (value.startsWith('/') && !value.startsWith('//')) return redirectBelow(value, mount, origin.prefix)
  const absolute = /^(https?:)?\/\/([^/?#]*)(.*)$/i.exec(value)
  if (absolute === null) return value
  if ((absolute[2] as string).toLowerCase() !== origin.host) return value
  const path = absolute[3] as string
  return `${origin.proto}://${origin.host}${redirectBelow(path.startsWith('/') ? path : `/${path}`, mount, origin.prefix)}`
}
