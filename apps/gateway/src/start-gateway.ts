// Wires the gateway's rooms and opens the listener. Owns start and stop.

import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { GatewaySettings } from '@berth/config/part-settings.js'
import { originOfAddress } from '@berth/domain/routing/public-origin.js'
import type { Logger } from 'pino'
import { ProcessAcquirer } from './acquire-process.js'
import { VisitAuthority } from './authorize-visit.js'
import { ConnectionCounts } from './connection-counts.js'
import { openControlChannel } from './control-channel.js'
import type { GatewayContext } from './gateway-context.js'
import { handleRequest } from './handle-request.js'
import { handleUpgrade } from './handle-upgrade.js'
import {
  CLIENT_CONNECTIONS_MAX,
  CLIENT_KEEP_ALIVE_MS,
  LISTEN_BACKLOG,
  REQUEST_HEAD_BYTES_MAX,
  REQUEST_HEAD_TIMEOUT_MS,
  STOP_GRACE_MS,
} from './limits.js'
import { ProcessFinder } from './process-finder.js'
import { ProxyTrust } from './proxy-trust.js'
import { startLoadReports } from './report-load.js'
import { RouteFeed } from './route-feed.js'
import { SealedTrees } from './serve-sealed.js'
import { SilenceSweep } from './silence-sweep.js'
import { ConnectionPools } from './upstream/connection-pool.js'
import { WebSocketPipe } from './websocket-pipe.js'

export interface Gateway {
  /** Where it listens: the port is chosen by the kernel when the settings say 0. */
  readonly address: { readonly host: string; readonly port: number }
  /** Takes no new connections, lets what runs finish briefly, then closes everything. */
  stop(): Promise<void>
}

/** @throws the listener's error, with its code: EADDRINUSE and the like */
export async function startGateway(settings: GatewaySettings, log: Logger): Promise<Gateway> {
  const gatewayId = randomUUID()
  const client = openControlChannel(settings.controlSocket)
  const counts = new ConnectionCounts()
  const feed = new RouteFeed(client, gatewayId, log)
  const finder = new ProcessFinder(feed, new ProcessAcquirer(client), counts)
  const pools = new ConnectionPools()
  const sweep = new SilenceSweep()
  const ctx: GatewayContext = {
    settings,
    address: originOfAddress(settings.address),
    trust: new ProxyTrust(settings.trustedProxies),
    feed,
    authority: new VisitAuthority(client),
    finder,
    counts,
    pools,
    sweep,
    sealed: new SealedTrees(),
    log,
  }
  const server = createHttpServer(ctx)
  await listen(server, settings.listen)
  feed.start()
  sweep.start((nowMs) => {
    pools.sweep(nowMs)
    finder.sweep(nowMs)
  })
  const reports = startLoadReports(client, gatewayId, counts, feed)
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : settings.listen.port
  return {
    address: { host: settings.listen.host, port },
    async stop() {
      await closeServer(server, sweep)
      reports.stop()
      feed.stop()
      sweep.stop()
      pools.closeIdle()
      client.close()
    },
  }
}

function createHttpServer(ctx: GatewayContext): Server {
  const server = createServer({
    maxHeaderSize: REQUEST_HEAD_BYTES_MAX,
    headersTimeout: REQUEST_HEAD_TIMEOUT_MS,
    // Bodies may take long (bundles over slow lines); silence is watched instead.
    requestTimeout: 0,
    keepAliveTimeout: CLIENT_KEEP_ALIVE_MS,
    insecureHTTPParser: false,
    noDelay: true,
    highWaterMark: 64 * 1024,
    // Others, such as h2c, are offers that a server may ignore.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
  })
  // More headers than this are refused by name; node would drop the surplus without a word.
  server.maxHeadersCount = 0
  server.maxConnections = CLIENT_CONNECTIONS_MAX
  server.on('request', (req, res) => handleRequest(ctx, req, res, false))
  server.on('checkContinue', (req, res) => handleRequest(ctx, req, res, true))
  server.on('upgrade', (req, socket, early) => handleUpgrade(ctx, req, socket, early))
  return server
}

function listen(server: Server, at: GatewaySettings['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const options = { port: at.port, backlog: LISTEN_BACKLOG }
    server.listen(at.host === '' ? options : { ...options, host: at.host }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function closeServer(server: Server, sweep: SilenceSweep): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // There is no handing over an open WebSocket to a successor: the sooner it ends, the sooner the visitor is back.
  sweep.giveUpAll((watched) => watched instanceof WebSocketPipe)
  let grace: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    grace = setTimeout(resolve, STOP_GRACE_MS)
  })
  await Promise.race([closed, late])
  clearTimeout(grace)
  sweep.giveUpAll(() => true)
  server.closeAllConnections()
}
