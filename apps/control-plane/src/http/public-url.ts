import type { FastifyRequest } from 'fastify'

export interface PublicUrl {
  /** scheme://host of the address that the client used. */
  readonly origin: string
  /** Path in front of ours, '' or '/x': a server behind a proxy. */
  readonly prefix: string
  readonly secure: boolean
}

/**
 * Server.Address when it is set, else what the gateway says the client typed. Only the gateway can reach our socket, so its
 * X-Forwarded-* can be believed (contracts, section 6).
 */
export function publicUrl(request: FastifyRequest, address: string | null): PublicUrl {
  if (address !== null) {
    const url = new URL(address)
    return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, ''), secure: url.protocol === 'https:' }
  }
  const protocol = one(request.headers['x-forwarded-proto']) === 'https' ? 'https' : 'http'
  const host = one(request.headers['x-forwarded-host']) ?? request.headers.host ?? 'localhost'
  const prefix = (one(request.headers['x-forwarded-prefix']) ?? '').replace(/\/+$/, '')
  return {
    origin: `${protocol}://${/^[A-Za-z0-9.:[\]_-]+$/.test(host) ? host : 'localhost'}`,
    prefix: /^(\/[A-Za-z0-9._~-]+)*$/.test(prefix) ? prefix : '',
    secure: protocol === 'https',
  }
}

/**
 * Address of the visitor, for throttling and the audit record. The gateway ends the list with its own peer and keeps what came before
 * only from a trusted proxy: then the entry before the last is what that proxy saw, and everything further left anybody can invent.
 */
export function visitorAddress(request: FastifyRequest): string {
  const header = request.headers['x-forwarded-for']
  const entries = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((entry) => entry.trim())
  return entries.at(-2) || entries.at(-1) || 'unknown'
}

function one(value: string | string[] | undefined): string | undefined {
  const first = (Array.isArray(value) ? value[0] : value)?.split(',')[0]?.trim()
  return first === '' ? undefined : first
}
