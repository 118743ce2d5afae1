import { timingSafeEqual } from 'node:crypto'
import { AppError } from '@berth/domain/app-error.js'
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import { sha256 } from '../identity/api-key.js'
import type { IdentityRoom } from '../identity/identity-room.js'
import { readCredential } from '../identity/read-credential.js'
import { PUBLIC } from './request-context.js'
import { IDENTITY_ROOM } from './tokens.js'

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** Who is calling, before any handler sees the request. Source: publisher-api 1.2, 1.7. */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly identity: IdentityRoom
  private readonly reflector: Reflector

  constructor(@Inject(IDENTITY_ROOM) identity: IdentityRoom, @Inject(Reflector) reflector: Reflector) {
    this.identity = identity
    this.reflector = reflector
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const rule = this.reflector.getAllAndOverride<{ credential?: 'own'; xsrf?: false } | undefined>(PUBLIC, [
      context.getHandler(),
      context.getClass(),
    ])
    if (rule?.credential === 'own') return true
    const caller = await this.identity.authenticate(readCredential(request.headers))
    request.caller = caller
    if (caller.kind === 'invalid') throw new AppError('unauthenticated', caller.why, { apiCode: 30 })
    if (caller.kind === 'locked')
      throw new AppError('forbidden', 'Your account is locked. Ask an administrator.', { apiCode: 50 })
    if (caller.kind === 'anonymous') {
      if (rule !== undefined) return true
      throw new AppError(
        'unauthenticated',
        caller.expiredSession ? 'Your session has ended: sign in again.' : 'You need to sign in.',
        {
          apiCode: 24,
        },
      )
    }
    // Only a browser sends a cookie without its user's wish; keys are sent on purpose.
    if (caller.by === 'session' && rule?.xsrf !== false && !SAFE_METHODS.includes(request.method)) {
      const sent = request.headers['x-rsc-xsrf']
      if (typeof sent !== 'string' || !timingSafeEqual(sha256(sent), sha256(caller.xsrfToken))) {
        throw new AppError(
          'forbidden',
          'The request lacks the XSRF token: repeat the cookie RSC-XSRF in the header X-Rsc-Xsrf.',
          { apiCode: 92 },
        )
      }
    }
    return true
  }
}
