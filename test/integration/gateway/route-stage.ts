import { rm } from 'node:fs/promises'
import {
  type AcquireProcessRequest,
  type AcquireProcessResponse,
  type AuthorizeVisitRequest,
  AuthorizeVisitResponse,
  BundleRoute,
  ContentRoute,
  type DeepPartial,
  type LoadReport,
  type ReportLoadResponse,
  RouteServiceService,
  RouteSnapshot,
  type WatchRoutesRequest,
} from '@berth/protocol/gen/berth/gateway/v1/route.js'
import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js'

type Watcher = ServerWritableStream<WatchRoutesRequest, RouteSnapshot>

/** The control plane's side of the gateway's wire, saying what a test tells it to. Restarts on the same socket. */
export class RouteStage {
  readonly socketPath: string
  readonly loads: LoadReport[] = []
  readonly authorized: AuthorizeVisitRequest[] = []
  readonly acquired: AcquireProcessRequest[] = []
  onAuthorize: (ask: AuthorizeVisitRequest) => DeepPartial<AuthorizeVisitResponse> = () => ({ decision: 'sign_in' })
  onAcquire: (ask: AcquireProcessRequest) => Promise<AcquireProcessResponse['outcome']> = () => Promise.resolve(undefined)
  #server: Server | undefined
  #watchers = new Set<Watcher>()
  #snapshot: RouteSnapshot = RouteSnapshot.create({ generation: 0n })
  #generation = 0n

  constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  get generation(): bigint {
    return this.#generation
  }

  async start(): Promise<void> {
    await rm(this.socketPath, { force: true })
    const server = new Server()
    server.addService(RouteServiceService, {
      watchRoutes: (call: Watcher) => {
        this.#watchers.add(call)
        call.on('cancelled', () => this.#watchers.delete(call))
        call.write(this.#snapshot)
      },
      acquireProcess: (
        call: ServerUnaryCall<AcquireProcessRequest, AcquireProcessResponse>,
        done: sendUnaryData<AcquireProcessResponse>,
      ) => {
        this.acquired.push(call.request)
        this.onAcquire(call.request).then(
          (outcome) => done(null, { outcome }),
          (error: Error) => done(error),
        )
      },
      authorizeVisit: (
        call: ServerUnaryCall<AuthorizeVisitRequest, AuthorizeVisitResponse>,
        done: sendUnaryData<AuthorizeVisitResponse>,
      ) => {
        this.authorized.push(call.request)
        done(null, AuthorizeVisitResponse.fromPartial(this.onAuthorize(call.request)))
      },
      reportLoad: (call: ServerReadableStream<LoadReport, ReportLoadResponse>, done: sendUnaryData<ReportLoadResponse>) => {
        call.on('data', (report: LoadReport) => this.loads.push(report))
        call.on('end', () => done(null, {}))
      },
    })
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${this.socketPath}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      )
    })
    this.#server = server
  }

  /** Goes away as a killed control plane does. */
  async kill(): Promise<void> {
    this.#server?.forceShutdown()
    this.#server = undefined
    this.#watchers.clear()
    await rm(this.socketPath, { force: true })
  }

  publish(contents: readonly ContentRoute[], paths: RouteSnapshot['paths'] = []): void {
    this.#generation += 1n
    this.#snapshot = { generation: this.#generation, contents, paths }
    for (const watcher of this.#watchers) watcher.write(this.#snapshot)
  }
}

/** A content with one active bundle (id 1), with what a test cares about given. */
export function contentRoute(guid: string, bundle: DeepPartial<BundleRoute>, over: DeepPartial<ContentRoute> = {}): ContentRoute {
  return {
    ...ContentRoute.fromPartial({
      contentGuid: guid,
      contentId: 1n,
      activeBundleId: 1n,
      accessType: 'all',
      rightsVersion: 1n,
      ...over,
    }),
    bundles: [bundleRoute({ bundleId: 1n, ...bundle }), ...(over.bundles ?? []).map((more) => bundleRoute(more))],
  }
}

export function bundleRoute(bundle: DeepPartial<BundleRoute>): BundleRoute {
  return BundleRoute.fromPartial({
    appMode: 'python-api',
    initTimeoutMs: 5_000,
    connectionTimeoutMs: 0,
    readTimeoutMs: 0,
    ...bundle,
  })
}
