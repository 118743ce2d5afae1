// One request from a visitor: what is asked for, may he have it, and who answers. Owns the order of these questions; each
// answer is somebody else's.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatSticky, parseSticky, type StickyKey } from '@berth/domain/routing/cookies.js'
import { contentRequestHeaders, contentResponseHeaders } from '@berth/domain/routing/forward-headers.js'
import { matchRoute, type RouteMatch } from '@berth/domain/routing/match-route.js'
import { hostWithoutPort } from '@berth/domain/routing/public-origin.js'
import { wantsHtml } from '@berth/domain/routing/request-headers.js'
import type { FedProcess } from '@berth/domain/routing/route-table.js'
import { type Asked, refuse, requestBody } from './asked.js'
import type { VisitDecision } from './authorize-visit.js'
import { Exchange, type ExchangeOutcome } from './exchange.js'
import { forwardToControlPlane } from './forward-to-control-plane.js'
import type { GatewayContext } from './gateway-context.js'
import * as reports from './pages/error-reports.js'
import { replyError, replyRedirect } from './pages/reply.js'
import { newVisit, traceParentOf } from './trace-parent.js'
import { readVisit, type Visit } from './visit.js'

type ContentMatch = Extract<RouteMatch, { kind: 'content' }>

export function handleRequest(ctx: GatewayContext, req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void {
  const visit = readVisit(req, ctx.trust, ctx.address)
  if (visit.kind === 'refused') {
    replyError(req, res, false, reports.refusedVisitReport(visit))
    return
  }
  const asked: Asked = { ctx, req, res, visit, awaitsContinue }
  const match = matchRoute(ctx.feed.table, hostWithoutPort(visit.origin.host), visit.target.path)
  switch (match.kind) {
    case 'control_plane':
      forwardToControlPlane(asked)
      return
    case 'add_slash':
      replyRedirect(req, res, visit.origin.prefix + match.path + visit.target.query)
      return
    case 'no_content':
      // Before the first snapshot we do not know what there is.
      refuse(asked, ctx.feed.hasRoutes ? reports.NO_CONTENT : reports.CONTROL_PLANE_AWAY)
      return
    case 'not_deployed':
      refuse(asked, reports.NOT_DEPLOYED)
      return
    case 'content': {
      const decision = ctx.authority.authorize(match.content, match.draft ? match.bundle.bundleId : 0n, visit.facts.credential)
      if (decision instanceof Promise) {
        decision.then((later) => serveContent(asked, match, later)).catch((error: unknown) => failed(asked, error))
      } else {
        serveContent(asked, match, decision)
      }
    }
  }
}

function failed(asked: Asked, error: unknown): void {
  asked.ctx.log.error({ err: error }, 'a request failed')
  if (asked.res.headersSent) asked.res.destroy()
  else refuse(asked, reports.INTERNAL)
}

function serveContent(asked: Asked, match: ContentMatch, decision: VisitDecision): void {
  if (asked.req.socket.destroyed) return
  if (decision.kind !== 'allow') {
    denyVisit(asked, decision.kind)
    return
  }
  if (match.bundle.appMode === 'static' || match.bundle.sealedDir !== '') {
    serveStatic(asked, match).catch((error: unknown) => failed(asked, error))
    return
  }
  proxyToProcess(asked, match, decision)
}

/** Publisher-api 3.8: browsers are led to the sign-in page, programs get a code. */
function denyVisit(asked: Asked, kind: Exclude<VisitDecision['kind'], 'allow'>): void {
  const { visit, req, res } = asked
  if (kind === 'sign_in' && wantsHtml(visit.facts.accept) && (req.method === 'GET' || req.method === 'HEAD')) {
    const back = encodeURIComponent(visit.origin.prefix + visit.target.path + visit.target.query)
    replyRedirect(req, res, `${visit.origin.prefix}/__login__?url=${back}`)
    return
  }
  refuse(asked, reports.denialReport(kind))
}

async function serveStatic(asked: Asked, match: ContentMatch): Promise<void> {
  const { ctx, req, res, visit } = asked
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    refuse(asked, reports.NOT_ALLOWED_METHOD)
    return
  }
  const headers = ['Cache-Control', match.content.accessType === 'all' ? 'no-cache' : 'private, no-cache']
  if (ctx.settings.frameOptionsContent !== '') headers.push('X-Frame-Options', ctx.settings.frameOptionsContent)
  const outcome = await ctx.sealed.serve(req, res, {
    sealedDir: match.bundle.sealedDir,
    bundleId: match.bundle.bundleId,
    primaryHtml: match.bundle.primaryHtml,
    rest: match.rest,
    headers,
  })
  if (outcome.kind === 'not_found') refuse(asked, reports.NO_SUCH_FILE)
  if (outcome.kind === 'redirect') {
    replyRedirect(req, res, visit.origin.prefix + match.prefix + outcome.rest + visit.target.query)
  }
}

function proxyToProcess(asked: Asked, match: ContentMatch, decision: Extract<VisitDecision, { kind: 'allow' }>): void {
  const { ctx, req, visit } = asked
  const sticky = parseSticky(visit.facts.cookies.sticky)
  const traceparent = traceParentOf(visit.facts.traceparent)
  const { target } = visit
  const headers = contentRequestHeaders({
    facts: visit.facts,
    origin: visit.origin,
    prefix: match.prefix,
    publicPath: target.path + target.query,
    appMode: match.bundle.appMode,
    visitor: decision.visitor,
    forwardedFor: visit.forwardedFor,
    traceparent,
  })
  const head = `${req.method} ${match.rest}${target.query} HTTP/1.1\r\n${headers}`
  ctx.finder.find(
    { content: match.content, bundle: match.bundle, sticky, traceparent },
    (process, gone) => exchangeWith(asked, match, process, head, sticky, gone),
    (reason) => refuse(asked, reports.noProcessReport(reason, decision.maySeeLog)),
  )
}

function exchangeWith(
  asked: Asked,
  match: ContentMatch,
  process: FedProcess,
  head: string,
  sticky: StickyKey | undefined,
  gone: () => void,
): void {
  const { ctx, req, res, visit } = asked
  if (req.socket.destroyed) {
    ctx.counts.closed(process.processId)
    return
  }
  const exchange = new Exchange(
    {
      req,
      res,
      pool: ctx.pools.get(process.socketPath),
      head,
      body: requestBody(visit),
      awaitsContinue: asked.awaitsContinue,
      answerHeaders: (answer) =>
        contentResponseHeaders({
          raw: answer.raw,
          origin: visit.origin,
          prefix: match.prefix,
          frameOptions: ctx.settings.frameOptionsContent,
          stickyCookie: stickyCookie(visit, match, process, sticky),
        }),
    },
    (outcome) => {
      ctx.sweep.forget(watch)
      ctx.counts.closed(process.processId)
      if (outcome.kind === 'gone') gone()
      else reportOutcome(asked, match, process, outcome)
    },
  )
  const watch = ctx.sweep.watch(exchange, match.bundle)
  exchange.start()
}

function stickyCookie(visit: Visit, match: ContentMatch, process: FedProcess, sticky: StickyKey | undefined): string | undefined {
  if (sticky?.processId === process.processId) return undefined
  const key = { processId: process.processId, visit: sticky?.visit ?? newVisit() }
  return formatSticky(key, visit.origin.prefix + match.prefix, visit.origin.proto === 'https')
}

function reportOutcome(
  asked: Asked,
  match: ContentMatch,
  process: FedProcess,
  outcome: Exclude<ExchangeOutcome, { kind: 'gone' }>,
): void {
  switch (outcome.kind) {
    case 'answered':
    case 'visitor_gone':
      return
    case 'busy':
      refuse(asked, reports.BUSY)
      return
    case 'cut':
      asked.ctx.log.warn({ ...about(match, process), err: outcome.cause }, 'an answer of content was cut short')
      return
    case 'failed':
      asked.ctx.log.warn({ ...about(match, process), err: outcome.failure.cause }, `content gave ${outcome.failure.kind}`)
      refuse(asked, outcome.failure.kind === 'no_answer' ? reports.NO_ANSWER : reports.BAD_ANSWER)
      return
    case 'silent':
      if (!outcome.begun) refuse(asked, reports.SILENT)
  }
}

function about(match: ContentMatch, process: FedProcess): object {
  return { content: match.content.guid, process: process.processId }
}
