// A visitor asks for a WebSocket. The same questions as for a request, then two sockets are joined. The connection counts on its process for
// its whole life, and its visit stays on that process even while it drains.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatSticky, parseSticky, type StickyKey } from '@berth/domain/routing/cookies.js'
import { contentRequestHeaders, contentResponseHeaders } from '@berth/domain/routing/forward-headers.js'
import { matchRoute, type RouteMatch } from '@berth/domain/routing/match-route.js'
import { hostWithoutPort, sameOrigin } from '@berth/domain/routing/public-origin.js'
import { wantsHtml } from '@berth/domain/routing/request-headers.js'
import type { FedProcess } from '@berth/domain/routing/route-table.js'
import type { VisitDecision } from './authorize-visit.js'
import type { GatewayContext } from './gateway-context.js'
import type { ErrorReport } from './pages/error-page.js'
import * as reports from './pages/error-reports.js'
import { refuseUpgrade } from './pages/reply.js'
import { newVisit, traceParentOf } from './trace-parent.js'
import { connectThrough } from './upstream/connect-through.js'
import { readVisit, type Visit } from './visit.js'
import { type HandshakeOutcome, shakeHands } from './websocket-handshake.js'
import { WebSocketPipe } from './websocket-pipe.js'

type ContentMatch = Extract<RouteMatch, { kind: 'content' }>
type Allowed = Extract<VisitDecision, { kind: 'allow' }>

interface AskedUpgrade {
  readonly ctx: GatewayContext
  readonly req: IncomingMessage
  readonly socket: Duplex
  /** What the visitor sent behind its head. */
  readonly early: Buffer
  readonly visit: Visit
  readonly key: string
}

export function handleUpgrade(ctx: GatewayContext, req: IncomingMessage, socket: Duplex, early: Buffer): void {
  socket.on('error', () => {})
  const visit = readVisit(req, ctx.trust, ctx.address)
  if (visit.kind === 'refused') {
    refuseUpgrade(socket, false, reports.refusedVisitReport(visit))
    return
  }
  const key = req.headers['sec-websocket-key'] ?? ''
  const asked: AskedUpgrade = { ctx, req, socket, early, visit, key }
  const match = matchRoute(ctx.feed.table, hostWithoutPort(visit.origin.host), visit.target.path)
  if (match.kind !== 'content') {
    const unknown = match.kind === 'no_content' && ctx.feed.hasRoutes
    refuse(asked, unknown ? reports.NO_CONTENT : match.kind === 'no_content' ? reports.CONTROL_PLANE_AWAY : reports.NO_WEBSOCKET)
    return
  }
  if (req.method !== 'GET' || key === '' || match.bundle.appMode === 'static') {
    refuse(asked, reports.NO_WEBSOCKET)
    return
  }
  const { credential } = visit.facts
  // Browsers send cookies along with WebSockets that pages of other sites open.
  if (credential?.kind === 'session' && !sameOrigin(visit.facts.origin, visit.origin.host)) {
    refuse(asked, reports.FOREIGN_PAGE)
    return
  }
  Promise.resolve(ctx.authority.authorize(match.content, match.draft ? match.bundle.bundleId : 0n, credential))
    .then((decision) => {
      if (socket.destroyed) return
      if (decision.kind === 'allow') join(asked, match, decision)
      else refuse(asked, reports.denialReport(decision.kind))
    })
    .catch((error: unknown) => {
      ctx.log.error({ err: error }, 'an upgrade failed')
      socket.destroy()
    })
}

function refuse(asked: AskedUpgrade, report: ErrorReport): void {
  if (!asked.socket.destroyed) refuseUpgrade(asked.socket, wantsHtml(asked.visit.facts.accept), report)
}

function join(asked: AskedUpgrade, match: ContentMatch, decision: Allowed): void {
  const { ctx, visit } = asked
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
  const head = `GET ${match.rest}${target.query} HTTP/1.1\r\n${headers}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  ctx.finder.find(
    { content: match.content, bundle: match.bundle, sticky, traceparent },
    (process, gone) => {
      connectThrough(process.socketPath, (outcome) => {
        if (outcome.kind === 'connected') {
          shake(asked, match, process, outcome.socket, head, sticky)
          return
        }
        ctx.counts.closed(process.processId)
        if (outcome.kind === 'gone') gone()
        else refuse(asked, reports.BUSY)
      })
    },
    (reason) => refuse(asked, reports.noProcessReport(reason, decision.maySeeLog)),
  )
}

function shake(
  asked: AskedUpgrade,
  match: ContentMatch,
  process: FedProcess,
  upstream: Socket,
  head: string,
  sticky: StickyKey | undefined,
): void {
  const { ctx, socket, visit } = asked
  if (socket.destroyed) {
    upstream.destroy()
    ctx.counts.closed(process.processId)
    return
  }
  const known = sticky?.processId === process.processId ? sticky : undefined
  const stay: StickyKey = known ?? { processId: process.processId, visit: sticky?.visit ?? newVisit() }
  const cookie =
    known === undefined ? formatSticky(stay, visit.origin.prefix + match.prefix, visit.origin.proto === 'https') : undefined
  shakeHands(
    {
      process: upstream,
      visitor: socket,
      head,
      key: asked.key,
      answerHeaders: (answer) =>
        contentResponseHeaders({
          raw: answer.raw,
          origin: visit.origin,
          prefix: match.prefix,
          frameOptions: '',
          stickyCookie: cookie,
        }),
    },
    (outcome) => {
      if (outcome.kind === 'switched') pipe(asked, match, upstream, stay, outcome)
      else {
        ctx.counts.closed(process.processId)
        if (outcome.kind === 'failed') {
          ctx.log.warn(
            { content: match.content.guid, process: process.processId, err: outcome.cause },
            'no WebSocket with content',
          )
          if (!outcome.begun) refuse(asked, reports.BAD_ANSWER)
        }
      }
    },
  )
}

function pipe(
  asked: AskedUpgrade,
  match: ContentMatch,
  upstream: Socket,
  stay: StickyKey,
  outcome: Extract<HandshakeOutcome, { kind: 'switched' }>,
): void {
  const { ctx, socket } = asked
  if ('setNoDelay' in socket) (socket as Socket).setNoDelay(true)
  const joined = new WebSocketPipe(socket, upstream, () => {
    ctx.sweep.forget(watch)
    ctx.counts.sessionClosed(stay.processId, stay.visit)
    ctx.counts.closed(stay.processId)
  })
  ctx.counts.sessionOpened(stay.processId, stay.visit)
  const watch = ctx.sweep.watch(joined, match.bundle)
  if (outcome.rest.length > 0) socket.write(outcome.rest)
  if (asked.early.length > 0) upstream.write(asked.early)
  joined.start()
}
