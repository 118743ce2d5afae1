import { AppError } from '@berth/domain/app-error.js'

/** DNS name in the control plane's server certificate, whatever address agents dial. */
export const CONTROL_PLANE_SERVER_NAME = 'berth-control-plane'

/** What lets one new agent in: `<secret, base64url>.<SHA-256 of the authority's certificate in DER, hex>`. */
export interface JoinToken {
  readonly secret: string
  readonly authoritySha256: string
}

const FORM = /^([A-Za-z0-9_-]{16,128})\.([0-9a-f]{64})$/

export function formatJoinToken(token: JoinToken): string {
  return `${token.secret}.${token.authoritySha256}`
}

/** Throws AppError `invalid` without repeating the token: it is a secret. */
export function parseJoinToken(text: string): JoinToken {
  const parts = FORM.exec(text.trim())
  if (parts === null) {
    throw new AppError(
      'invalid',
      'this is not a join token: it reads <secret>.<fingerprint of the authority>; ask for a new one with `berth nodes token`',
    )
  }
  return { secret: parts[1] as string, authoritySha256: parts[2] as string }
}
