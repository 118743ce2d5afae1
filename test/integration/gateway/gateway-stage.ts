import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GatewaySettings } from '@berth/config/part-settings.js'
import { type Backend, startBackend, startRawBackend } from './backends.js'
import { type RunningGateway, startGatewayProcess } from './gateway-process.js'
import { RouteStage } from './route-stage.js'

/** A running gateway with everything around it that a test plays, in one directory. */
export class GatewayStage {
  readonly routes: RouteStage
  gateway!: RunningGateway
  readonly httpSocket: string
  readonly #backends: Backend[] = []

  private constructor(readonly dir: string) {
    this.routes = new RouteStage(join(dir, 'control.sock'))
    this.httpSocket = join(dir, 'http.sock')
  }

  static async start(settings: Partial<GatewaySettings> = {}): Promise<GatewayStage> {
    const stage = new GatewayStage(await mkdtemp(join(tmpdir(), 'berth-gateway-')))
    await stage.routes.start()
    stage.gateway = await startGatewayProcess({
      controlSocket: stage.routes.socketPath,
      httpSocket: stage.httpSocket,
      ...settings,
    })
    return stage
  }

  get port(): number {
    return this.gateway.port
  }

  /** A process of content: its id and socket, as the route feed names them. */
  async process(listener: RequestListener): Promise<{ processId: string; socketPath: string; backend: Backend }> {
    const processId = randomUUID()
    const backend = await startBackend(join(this.dir, `${processId}.sock`), listener)
    this.#backends.push(backend)
    return { processId, socketPath: backend.socketPath, backend }
  }

  async rawProcess(onSocket: (socket: Socket) => void): Promise<{ processId: string; socketPath: string; backend: Backend }> {
    const processId = randomUUID()
    const backend = await startRawBackend(join(this.dir, `${processId}.sock`), onSocket)
    this.#backends.push(backend)
    return { processId, socketPath: backend.socketPath, backend }
  }

  async controlPlaneHttp(listener: RequestListener): Promise<Backend> {
    const backend = await startBackend(this.httpSocket, listener)
    this.#backends.push(backend)
    return backend
  }

  /** Waits until the gateway has the newest snapshot in force: it says so with its next report. */
  async inForce(): Promise<void> {
    const wanted = this.routes.generation
    await until(() => this.routes.loads.some((load) => load.routesGeneration === wanted))
  }

  async stop(): Promise<void> {
    await this.gateway.stop()
    for (const backend of this.#backends) await backend.close().catch(() => {})
    await this.routes.kill()
    await rm(this.dir, { recursive: true, force: true })
  }
}

const UNTIL_MS_MAX = 10_000

/** Waits for a condition, looked at often; says which one when it does not come. */
export async function until(condition: () => boolean | Promise<boolean>, what = condition.toString()): Promise<void> {
  const endMs = Date.now() + UNTIL_MS_MAX
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`did not come true: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
