import type { IncomingMessage, ServerResponse } from 'node:http'
import { wantsHtml } from '@berth/domain/routing/request-headers.js'
import type { RequestBody } from './exchange.js'
import type { GatewayContext } from './gateway-context.js'
import type { ErrorReport } from './pages/error-page.js'
import { replyError } from './pages/reply.js'
import type { Visit } from './visit.js'

/** A request on its way to whoever answers it. */
export interface Asked {
  readonly ctx: GatewayContext
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly visit: Visit
  /** The visitor sends its body only after `100 Continue`. */
  readonly awaitsContinue: boolean
}

export function refuse(asked: Asked, report: ErrorReport): void {
  replyError(asked.req, asked.res, wantsHtml(asked.visit.facts.accept), report)
}

/** How the body is framed again towards the one who answers: by what the parser understood, never by copied headers. */
export function requestBody(visit: Visit): RequestBody {
  if (visit.facts.chunked) return { kind: 'chunked' }
  const { contentLength } = visit.facts
  return contentLength === undefined ? { kind: 'none' } : { kind: 'length', header: contentLength }
}
