// The REST side on a Unix socket that only the gateway's account may open.
// Owns transport rules: how bodies are read, how errors and unknown routes look, which headers every answer carries.
// Leaves to others: what requests do (rooms), who may do it (packages/domain), web traffic to content (the gateway).
import 'reflect-metadata'
import { chmod, rm } from 'node:fs/promises'
import { parseRequestTarget } from '@berth/domain/routing/request-target.js'
import fastifyMultipart from '@fastify/multipart'
import { NestFactory, Reflector } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { collectDefaultMetrics } from 'prom-client'
import { AppModule, type RestDeps } from '../app.module.js'
import { HTTP_STOP_GRACE_MS, REQUEST_HEADERS_BYTES_MAX } from '../rest-limits.js'
import type { Log } from '../telemetry.js'
import { AuthGuard } from './auth.guard.js'
import { ContractPipe } from './contract.pipe.js'
import { registerDashboard } from './dashboard.js'
import { ErrorFilter } from './error.filter.js'
import { registerBodyReader } from './read-body.js'

export interface HttpApp {
  /** METHOD and path of every route, for the contract's test. */
  readonly routes: readonly string[]
  /** Ends after answers under way, at most after a grace period. */
  close(): Promise<void>
}

/** Listens on settings.httpSocket, mode 0660, when it returns. */
export async function createHttpApp(deps: RestDeps & { readonly log: Log }): Promise<HttpApp> {
  const { settings, log } = deps
  const adapter = new FastifyAdapter({
    // Dot segments are gone before anything is routed (publisher-api 1.1, rule 6).
    rewriteUrl: (request: { url?: string | undefined }) => {
      const target = parseRequestTarget(request.url ?? '/')
      return target === null ? '/__unknown__' : `${target.path}${target.query}`
    },
    http: { maxHeaderSize: REQUEST_HEADERS_BYTES_MAX },
    // Uploads may take hours; silence is what ends them (receive-archive.ts).
    requestTimeout: 0,
    multipart: false,
    routerOptions: { maxParamLength: 512 },
  })
  const instance: FastifyInstance = adapter.getInstance()
  const routes: string[] = []
  instance.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) routes.push(`${method} ${route.url}`)
  })
  instance.decorateRequest('caller', null)
  registerBodyReader(instance, isUpload)
  await instance.register(fastifyMultipart)
  instance.addHook('onSend', async (request, reply, payload) => {
    if (request.url.startsWith('/__api__/')) {
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
      reply.header('x-content-type-options', 'nosniff')
    }
    return payload
  })
  await registerDashboard(instance, deps)

  const app = await NestFactory.create<NestFastifyApplication>(AppModule.register(deps), adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  })
  app.useGlobalGuards(new AuthGuard(deps.identity, app.get(Reflector)))
  app.useGlobalPipes(new ContractPipe())
  app.useGlobalFilters(new ErrorFilter(log))
  if (deps.metrics.getSingleMetric('process_cpu_seconds_total') === undefined) collectDefaultMetrics({ register: deps.metrics })

  // A socket that a killed predecessor left behind; the data directory's lock keeps two of us apart.
  await rm(settings.httpSocket, { force: true })
  await app.listen(settings.httpSocket)
  await chmod(settings.httpSocket, 0o660)

  return {
    routes,
    async close() {
      const cut = setTimeout(() => instance.server.closeAllConnections(), HTTP_STOP_GRACE_MS)
      await app.close()
      clearTimeout(cut)
    },
  }
}

function isUpload(request: FastifyRequest): boolean {
  return request.method === 'POST' && request.routeOptions.url === '/__api__/v1/content/:guid/bundles'
}
