import { readCookies } from '@berth/domain/routing/cookies.js'

export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'api_key'; readonly key: string }
  | { readonly kind: 'session'; readonly token: string }
  /** A scheme that we do not issue: 401, whatever else comes along. */
  | { readonly kind: 'unusable'; readonly why: string }

export type CredentialHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * The one credential of a request that counts: X-RSC-Authorization, then Authorization, then a signed request, then the session's cookie.
 * A key that comes with cookies makes the cookies meaningless (clients echo whole cookie jars). Source: publisher-api 1.2.
 */
export function readCredential(headers: CredentialHeaders): Credential {
  const alternative = one(headers['x-rsc-authorization'])
  if (alternative !== undefined) return { kind: 'api_key', key: afterScheme(alternative, 'key') ?? alternative.trim() }
  const authorization = one(headers.authorization)
  if (authorization !== undefined && authorization.trim() !== '') {
    const key = afterScheme(authorization, 'key')
    if (key !== undefined) return { kind: 'api_key', key }
    return { kind: 'unusable', why: 'This server accepts API keys: send "Authorization: Key" and the key.' }
  }
  const token = one(headers['x-auth-token'])
  // What clients send when they mean "nobody".
  if (token !== undefined && token !== 'anonymous-access') {
    return { kind: 'unusable', why: 'This server does not know signed requests: use an API key.' }
  }
  const session = readCookies(one(headers.cookie)).session
  return session === undefined ? { kind: 'none' } : { kind: 'session', token: session }
}

/** What follows the scheme, '' when nothing does; undefined = another scheme. */
export function afterScheme(header: string, scheme: string): string | undefined {
  const match = /^\s*([A-Za-z-]+)(?:\s+(.*?))?\s*$/.exec(header)
  if (match?.[1]?.toLowerCase() !== scheme) return undefined
  return match[2] ?? ''
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
