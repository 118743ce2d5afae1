import type { ForwardedFacts } from './request-headers.js'

export interface PublicOrigin {
  readonly proto: 'http' | 'https'
  /** With port where there is one; lower case. */
  readonly host: string
  /** Path at which a proxy in front has us, without final slash; empty without one. */
  readonly prefix: string
}

export interface OriginFacts {
  readonly host: string
  readonly forwarded: ForwardedFacts
  readonly peerTrusted: boolean
  /** Server.Address: how visitors address us, when they use that host. */
  readonly address: PublicOrigin | undefined
}

const HOST = /^[a-z0-9._~-]+(?::[0-9]{1,5})?$|^\[[0-9a-f:.]+\](?::[0-9]{1,5})?$/
const PREFIX = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+$/

/** How the visitor addresses us. X-Forwarded-* count only when a trusted proxy says them (R-050, Server.TrustedProxy). */
export function publicOrigin(facts: OriginFacts): PublicOrigin {
  const { forwarded } = facts
  const own: PublicOrigin = facts.address?.host === facts.host ? facts.address : { proto: 'http', host: facts.host, prefix: '' }
  if (!facts.peerTrusted) return own
  const host = first(forwarded.host)?.toLowerCase()
  const proto = first(forwarded.proto)?.toLowerCase()
  const prefix = first(forwarded.prefix)?.replace(/\/+$/, '')
  return {
    proto: proto === 'https' || proto === 'http' ? proto : own.proto,
    host: host !== undefined && HOST.test(host) ? host : own.host,
    prefix: prefix !== undefined && PREFIX.test(prefix) ? prefix : own.prefix,
  }
}

/** Server.Address taken apart; undefined when it is not set. */
export function originOfAddress(address: string | null): PublicOrigin | undefined {
  if (address === null || address === '') return undefined
  const url = new URL(address)
  return { proto: url.protocol === 'https:' ? 'https' : 'http', host: url.host, prefix: url.pathname.replace(/\/+$/, '') }
}

/** A chain of proxies appends: the first one saw the visitor. */
function first(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const comma = value.indexOf(',')
  return (comma === -1 ? value : value.slice(0, comma)).trim()
}

/** Host of a `host:port`, for matching routes. */
export function hostWithoutPort(host: string): string {
  if (host.startsWith('[')) return host.slice(0, host.indexOf(']') + 1)
  const colon = host.indexOf(':')
  return colon === -1 ? host : host.slice(0, colon)
}

/**
 * May a WebSocket that is authenticated by a cookie open? Browsers send Origin with every WebSocket, and pages of
 * other sites can open one here with the visitor's cookies: nothing else stops that.
 */
export function sameOrigin(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return false
  const match = /^https?:\/\/([^/]+)$/i.exec(origin)
  return match !== null && (match[1] as string).toLowerCase() === host
}
