import { compileRoutes, EMPTY_ROUTES, type RouteTable } from '@berth/domain/routing/route-table.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import type { RouteServiceClient, RouteSnapshot } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { ClientReadableStream } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { RECONNECT_FIRST_MS, RECONNECT_MS_MAX } from './limits.js'

/** Follows the control plane's routes and keeps the last ones while it is away. */
export class RouteFeed {
  table: RouteTable = EMPTY_ROUTES
  /** A snapshot arrived since the start: before that we know nothing, which is not the same as no content. */
  hasRoutes = false
  /** Generation to report: 0 while the stream is broken, because a new stream counts anew. */
  reportableGeneration = 0n
  readonly #client: RouteServiceClient
  readonly #gatewayId: string
  readonly #log: Logger
  #stream: ClientReadableStream<RouteSnapshot> | undefined
  #retry: NodeJS.Timeout | undefined
  #waitMs = RECONNECT_FIRST_MS
  #stopped = false
  #saidLost = false

  constructor(client: RouteServiceClient, gatewayId: string, log: Logger) {
    this.#client = client
    this.#gatewayId = gatewayId
    this.#log = log
  }

  start(): void {
    const stream = this.#client.watchRoutes({ gatewayId: this.#gatewayId, version: PRODUCT_VERSION })
    this.#stream = stream
    stream.on('data', (snapshot: RouteSnapshot) => this.#take(snapshot))
    stream.on('error', (error) => this.#lost(stream, error.message))
    stream.on('end', () => this.#lost(stream, 'the stream ended'))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#stream?.cancel()
  }

  #take(snapshot: RouteSnapshot): void {
    this.#saidLost = false
    if (this.reportableGeneration === 0n) this.#log.info({ contents: snapshot.contents.length }, 'routes received')
    this.#waitMs = RECONNECT_FIRST_MS
    this.table = compileRoutes(snapshot)
    this.hasRoutes = true
    this.reportableGeneration = snapshot.generation
  }

  #lost(stream: ClientReadableStream<RouteSnapshot>, reason: string): void {
    if (this.#stopped || this.#stream !== stream) return
    this.#stream = undefined
    if (!this.#saidLost) {
      this.#saidLost = true
      this.#log.warn({ reason }, 'no connection to the control plane: keeping the last routes')
    }
    this.reportableGeneration = 0n
    this.#retry = setTimeout(() => this.start(), this.#waitMs)
    this.#waitMs = Math.min(this.#waitMs * 2, RECONNECT_MS_MAX)
  }
}
