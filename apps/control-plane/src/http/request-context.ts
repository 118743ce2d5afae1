import type { Actor } from '@berth/domain/access/actor.js'
import { assert } from '@berth/domain/assert.js'
import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../identity/identity-room.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard before any handler runs. */
    caller: Caller | null
  }
}

export const PUBLIC = 'berth:public'

/**
 * No credential is needed; one that is wrong is refused all the same (publisher-api 1.2).
 * credential 'own': the handler looks at the credential itself. xsrf false: a form without script sends no header.
 */
export const Public = (options: { readonly credential?: 'own'; readonly xsrf?: false } = {}): MethodDecorator & ClassDecorator =>
  SetMetadata(PUBLIC, options)

/** The signed-in user. On routes that are not public there always is one. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>()
  assert(caller?.kind === 'user', 'a route that needs an actor has passed the guard')
  return caller.actor
})

/** W3C trace context of the request, or a new one: every task and process belongs to a trace. */
export const TraceParent = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const { headers } = context.switchToHttp().getRequest<FastifyRequest>()
  const given = headers.traceparent
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : newTraceParent()
})

/** https://www.w3.org/TR/trace-context/ 3.2, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

function newTraceParent(): string {
  const hex = (bytes: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')
  return `00-${hex(16)}-${hex(8)}-01`
}
