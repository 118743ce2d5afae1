import { randomUUID } from 'node:crypto'
import type { ErrorBody } from '@berth/api-contract/error-body.js'
import { AppError, type AppErrorCode, errorChain } from '@berth/domain/app-error.js'
import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../telemetry.js'

/** Status, and the number for clients where the error itself carries none (publisher-api 1.9). */
const ANSWERS: Readonly<Record<AppErrorCode, { readonly status: number; readonly apiCode: number }>> = {
  internal: { status: 500, apiCode: 1 },
  unavailable: { status: 503, apiCode: 1 },
  not_found: { status: 404, apiCode: 4 },
  unauthenticated: { status: 401, apiCode: 24 },
  forbidden: { status: 403, apiCode: 22 },
  conflict: { status: 409, apiCode: 26 },
  invalid: { status: 400, apiCode: 25 },
  too_large: { status: 413, apiCode: 25 },
  too_many: { status: 429, apiCode: 25 },
  unsupported: { status: 404, apiCode: 2 },
}

/** Every failure becomes `{code, error, payload}`, and an unknown route plain text: clients tell the two apart (publisher-api 1.1). */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly log: Log

  constructor(log: Log) {
    this.log = log
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const request = host.switchToHttp().getRequest<FastifyRequest>()
    if (reply.sent || reply.raw.headersSent) {
      this.log.warn({ error: errorChain(error), method: request.method, url: request.url }, 'an answer broke off')
      reply.raw.destroy()
      return
    }
    // Handlers fail with AppError; this comes from the router alone.
    if (error instanceof NotFoundException) return void sendUnknownRoute(reply)
    const answer = this.answerTo(error, request)
    if (answer.status === 429 || answer.status === 503) reply.header('retry-after', '5')
    reply.code(answer.status).header('content-type', 'application/json; charset=utf-8').send(answer.body)
  }

  private answerTo(error: unknown, request: FastifyRequest): { status: number; body: ErrorBody } {
    if (error instanceof AppError) {
      const { status, apiCode } = ANSWERS[error.code]
      if (status >= 500)
        this.log.error({ error: errorChain(error), method: request.method, url: request.url }, 'a request failed')
      return { status, body: { code: error.apiCode ?? apiCode, error: error.message, payload: null } }
    }
    if (isNulInText(error)) {
      const message = 'A text holds a NUL character (\\u0000), which cannot be stored: remove it.'
      return { status: 400, body: { code: 25, error: message, payload: null } }
    }
    const status = clientFault(error)
    if (status !== undefined) {
      return {
        status,
        body: { code: status === 413 ? 25 : 87, error: error instanceof Error ? error.message : 'bad request', payload: null },
      }
    }
    const reference = randomUUID()
    this.log.error({ error: errorChain(error), reference, method: request.method, url: request.url }, 'a request failed')
    return { status: 500, body: { code: 1, error: `The server failed. Its log says more under ${reference}.`, payload: null } }
  }
}

export function sendUnknownRoute(reply: FastifyReply): void {
  reply.code(404).header('content-type', 'text/plain; charset=utf-8').send('404 page not found\n')
}

/** The one character of JSON that Postgres holds neither as text (22021) nor as jsonb (22P05). */
function isNulInText(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '22021' || error.code === '22P05')
}

/** The HTTP server's own complaints about a request carry a status below 500. */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const status =
    'statusCode' in error
      ? error.statusCode
      : 'getStatus' in error && typeof error.getStatus === 'function'
        ? error.getStatus()
        : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}
