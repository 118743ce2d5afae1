import type { IncomingMessage } from 'node:http'
import { type PublicOrigin, publicOrigin } from '@berth/domain/routing/public-origin.js'
import { type RequestFacts, readRequestFacts } from '@berth/domain/routing/request-headers.js'
import { parseRequestTarget, type RequestTarget } from '@berth/domain/routing/request-target.js'
import { REQUEST_HEADERS_MAX, REQUEST_TARGET_BYTES_MAX } from './limits.js'
import { type ProxyTrust, plainAddress } from './proxy-trust.js'

/** A request as everything behind the parser sees it. */
export interface Visit {
  readonly kind: 'visit'
  readonly facts: RequestFacts
  readonly target: RequestTarget
  readonly origin: PublicOrigin
  /** Complete X-Forwarded-For: what a trusted proxy said, and the peer. */
  readonly forwardedFor: string
}

export interface RefusedVisit {
  readonly kind: 'refused'
  readonly status: 400 | 414 | 431
  readonly reason: string
}

export function readVisit(req: IncomingMessage, trust: ProxyTrust, address: PublicOrigin | undefined): Visit | RefusedVisit {
  if (req.rawHeaders.length > REQUEST_HEADERS_MAX * 2) {
    return { kind: 'refused', status: 431, reason: `a request may have at most ${REQUEST_HEADERS_MAX} headers` }
  }
  const url = req.url as string
  if (url.length > REQUEST_TARGET_BYTES_MAX) return { kind: 'refused', status: 414, reason: 'the address is too long' }
  const target = parseRequestTarget(url)
  if (target === null) return { kind: 'refused', status: 400, reason: 'the address in the request line is not a path' }
  const facts = readRequestFacts(req.rawHeaders)
  if ('kind' in facts) return { kind: 'refused', status: 400, reason: facts.reason }
  const peer = plainAddress(req.socket.remoteAddress)
  const peerTrusted = trust.trusts(peer)
  return {
    kind: 'visit',
    facts,
    target,
    origin: publicOrigin({
      host: facts.host === '' ? 'localhost' : facts.host,
      forwarded: facts.forwarded,
      peerTrusted,
      address,
    }),
    forwardedFor: peerTrusted && facts.forwarded.for !== undefined ? `${facts.forwarded.for}, ${peer}` : peer,
  }
}
