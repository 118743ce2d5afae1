import { errorChain } from '@berth/domain/app-error.js'
import { isUuid } from '@berth/domain/ids.js'
import {
  AuthorizeVisitResponse,
  type LoadReport,
  ReportLoadResponse,
  type RouteServiceServer,
} from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { VisitAnswer, VisitQuestion } from '../identity/identity-room.js'
import type { AcquireProcess } from '../routing/acquire-process.js'
import type { LoadLedger } from '../routing/load-ledger.js'
import type { RouteFeed } from '../routing/route-feed.js'
import type { Log } from '../telemetry.js'
import { grpcError } from './status-map.js'

export interface RouteServiceDeps {
  readonly routes: RouteFeed
  readonly ledger: LoadLedger
  readonly acquire: AcquireProcess
  authorizeVisit(question: VisitQuestion): Promise<VisitAnswer>
  /** A gateway uses another snapshot than at its last report: what waited for that may go on. */
  snapshotInForce(): void
  readonly log: Log
}

/** What gateways call: proto ↔ routing and identity. Who may call is decided by the socket's directory. */
export function routeService(deps: RouteServiceDeps): RouteServiceServer {
  const { routes, ledger, log } = deps
  return {
    watchRoutes(call) {
      const { gatewayId, version } = call.request
      log.info({ gateway: gatewayId, version }, 'a gateway is connected')
      const off = routes.watch(gatewayId, (snapshot) => {
        call.write(snapshot)
      })
      call.on('cancelled', off)
      call.on('close', off)
    },
    acquireProcess(call, callback) {
      const gone = new AbortController()
      call.on('cancelled', () => gone.abort())
      deps.acquire(call.request, gone.signal).then(
        (answer) => callback(null, answer),
        (error: unknown) => {
          if (!gone.signal.aborted)
            log.warn({ content: call.request.contentGuid, error: errorChain(error) }, 'a process could not be acquired')
          callback(grpcError(error))
        },
      )
    },
    authorizeVisit(call, callback) {
      const { contentGuid, bundleId, credential } = call.request
      if (!isUuid(contentGuid)) return callback(null, AuthorizeVisitResponse.fromPartial({ decision: 'not_found' }))
      deps
        .authorizeVisit({
          contentGuid,
          bundleId,
          credential:
            credential === undefined
              ? { kind: 'none' }
              : { kind: credential.$case === 'apiKeySha256' ? 'api_key' : 'session', sha256: credential.value },
        })
        .then(
          ({ decision, visitor, cacheMs, maySeeLog }) =>
            callback(
              null,
              AuthorizeVisitResponse.fromPartial({
                decision,
                cacheMs,
                maySeeLog,
                ...(visitor === undefined
                  ? {}
                  : { visitor: { userGuid: visitor.userGuid, username: visitor.username, groups: [...visitor.groups] } }),
              }),
            ),
          (error: unknown) => {
            log.warn({ content: contentGuid, error: errorChain(error) }, 'a visit could not be decided')
            callback(grpcError(error))
          },
        )
    },
    reportLoad(call, callback) {
      let generation = -1n
      call.on('data', (report: LoadReport) => {
        ledger.report(report, performance.now())
        if (report.routesGeneration !== generation) deps.snapshotInForce()
        generation = report.routesGeneration
      })
      call.on('end', () => callback(null, ReportLoadResponse.create()))
      call.on('error', (error) => log.info({ error: errorChain(error) }, 'a load report stream ended'))
    },
  }
}
