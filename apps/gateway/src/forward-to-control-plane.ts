import { controlPlaneRequestHeaders } from '@berth/domain/routing/forward-headers.js'
import { type Asked, refuse, requestBody } from './asked.js'
import { Exchange } from './exchange.js'
import { CONTROL_PLANE_SILENCE_MS_MAX } from './limits.js'
import * as reports from './pages/error-reports.js'
import type { ResponseHead } from './upstream/response-reader.js'

const SILENCE = { connectionTimeoutMs: CONTROL_PLANE_SILENCE_MS_MAX, readTimeoutMs: CONTROL_PLANE_SILENCE_MS_MAX }

/** Everything that is not content: API, sign-in, dashboard. */
export function forwardToControlPlane(asked: Asked): void {
  const { ctx, req, res, visit } = asked
  const headers = controlPlaneRequestHeaders({
    raw: req.rawHeaders,
    facts: visit.facts,
    origin: visit.origin,
    forwardedFor: visit.forwardedFor,
  })
  const exchange = new Exchange(
    {
      req,
      res,
      pool: ctx.pools.get(ctx.settings.httpSocket),
      head: `${req.method} ${visit.target.path}${visit.target.query} HTTP/1.1\r\n${headers}`,
      body: requestBody(visit),
      awaitsContinue: asked.awaitsContinue,
      answerHeaders: (head) => answerHeaders(head, ctx.settings.frameOptionsDashboard),
    },
    (outcome) => {
      ctx.sweep.forget(watch)
      if (outcome.kind === 'answered' || outcome.kind === 'visitor_gone') return
      if (outcome.kind === 'failed' || outcome.kind === 'cut') {
        ctx.log.warn({ err: outcome.kind === 'cut' ? outcome.cause : outcome.failure.cause }, 'the control plane did not answer')
      }
      refuse(asked, outcome.kind === 'silent' ? reports.SILENT : reports.CONTROL_PLANE_AWAY)
    },
  )
  const watch = ctx.sweep.watch(exchange, SILENCE)
  exchange.start()
}

const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'trailer',
  'upgrade',
  'server',
  'x-powered-by',
])

function answerHeaders(head: ResponseHead, frameOptions: string): string[] {
  const out: string[] = []
  let framed = frameOptions === ''
  for (let i = 0; i + 1 < head.raw.length; i += 2) {
    const name = (head.raw[i] as string).toLowerCase()
    if (NOT_PASSED.has(name)) continue
    if (name === 'x-frame-options') framed = true
    out.push(head.raw[i] as string, head.raw[i + 1] as string)
  }
  if (!framed) out.push('X-Frame-Options', frameOptions)
  return out
}
