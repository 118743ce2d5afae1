import { AppError } from '@berth/domain/app-error.js'
import { jwtVerify } from 'jose'
import { BOOTSTRAP_SECRET_BYTES_MIN, BOOTSTRAP_TOKEN_CHARS_MAX } from '../rest-limits.js'
import { afterScheme } from './read-credential.js'

/**
 * Is it the token that `rsconnect bootstrap` makes of the shared secret? HS256, its issuer, audience, scope and an end.
 * Source: publisher-api 1.4.
 */
export async function checkBootstrapToken(authorization: string | undefined, secretBase64: string, now: Date): Promise<boolean> {
  const secret = Buffer.from(secretBase64.trim(), 'base64')
  if (secret.length < BOOTSTRAP_SECRET_BYTES_MIN) {
    throw new AppError('internal', `the bootstrap secret has fewer than ${BOOTSTRAP_SECRET_BYTES_MIN} bytes`)
  }
  const token = authorization === undefined ? undefined : afterScheme(authorization, 'connect-bootstrap')
  if (token === undefined || token === '' || token.length > BOOTSTRAP_TOKEN_CHARS_MAX) return false
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: ['HS256'],
      issuer: 'rsconnect-python',
      audience: 'rsconnect',
      requiredClaims: ['exp', 'iat'],
      currentDate: now,
    })
    return payload.scope === 'bootstrap'
  } catch {
    // Whatever is wrong with it, the answer is the same: it is not our token.
    return false
  }
}
