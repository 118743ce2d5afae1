// What the core's tests share: a real PostgreSQL and Redis, the real control plane as a program, simulated agents, a gateway's client.
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import {
  type AcquireProcessResponse,
  type ProcessEndpoint,
  RouteServiceClient,
  type RouteSnapshot,
  type StartFailure,
} from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { type ControlPlaneProcess, prepareControlPlane } from '@berth/testing/control-plane-process.js'
import { type PrivatePostgres, startPrivatePostgres } from '@berth/testing/private-postgres.js'
import { type PrivateRedis, startPrivateRedis } from '@berth/testing/private-redis.js'
import { enrollSimAgent, SimAgent, type SimScript } from '@berth/testing/sim-agent.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { type ClientReadableStream, credentials } from '@grpc/grpc-js'
import postgres from 'postgres'

export interface Core {
  readonly controlPlane: ControlPlaneProcess
  readonly sql: postgres.Sql
  readonly redis: PrivateRedis
  readonly postgres: PrivatePostgres
  newAgent(script?: SimScript): Promise<SimAgent>
  /** A gateway's client of the control socket. */
  gateway(): Gateway
  stop(): Promise<void>
}

export async function startCore(change?: (settings: ControlPlaneSettings) => ControlPlaneSettings): Promise<Core> {
  const [server, redis] = await Promise.all([startPrivatePostgres(), startPrivateRedis()])
  const database = await server.createDatabase()
  const controlPlane = await prepareControlPlane({ postgres: database, redis: redis.settings }, change)
  await controlPlane.start()
  const sql = postgres({
    host: database.socketDir,
    user: database.user,
    password: database.password,
    database: database.database,
    onnotice: () => {},
  })
  const agents: SimAgent[] = []
  const gateways: Gateway[] = []
  return {
    controlPlane,
    sql,
    redis,
    postgres: server,
    async newAgent(script) {
      const { token } = (await controlPlane.admin(['node-token'])) as { token: string }
      const identity = await enrollSimAgent(controlPlane.clusterPort, token)
      const agent = new SimAgent({ port: controlPlane.clusterPort, identity, ...(script === undefined ? {} : { script }) })
      agents.push(agent)
      return agent
    },
    gateway() {
      const gateway = new Gateway(controlPlane.settings.controlSocket)
      gateways.push(gateway)
      return gateway
    },
    async stop() {
      for (const gateway of gateways) gateway.close()
      for (const agent of agents) agent.disconnect()
      await sql.end({ timeout: 1 })
      await controlPlane.remove()
      await redis.stop()
      await server.stop()
    },
  }
}

export class Gateway {
  readonly client: RouteServiceClient
  readonly snapshots: RouteSnapshot[] = []
  readonly id = randomUUID()
  #watch: ClientReadableStream<RouteSnapshot> | undefined

  constructor(socket: string) {
    this.client = new RouteServiceClient(`unix:${socket}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  }

  watch(): void {
    const stream = this.client.watchRoutes({ gatewayId: this.id, version: 'test' })
    stream.on('data', (snapshot: RouteSnapshot) => this.snapshots.push(snapshot))
    stream.on('error', () => {})
    this.#watch = stream
  }

  acquire(contentGuid: string, bundleId: bigint): Promise<{ endpoint?: ProcessEndpoint; failure?: StartFailure }> {
    return new Promise((resolve, reject) => {
      this.client.acquireProcess(
        { contentGuid, bundleId, traceparent: '' },
        (error: Error | null, answer: AcquireProcessResponse) => {
          if (error !== null) reject(error)
          else if (answer.outcome?.$case === 'endpoint') resolve({ endpoint: answer.outcome.value })
          else if (answer.outcome?.$case === 'failure') resolve({ failure: answer.outcome.value })
          else reject(new Error('an answer without an outcome'))
        },
      )
    })
  }

  close(): void {
    this.#watch?.cancel()
    this.client.close()
  }
}

export interface Seeded {
  readonly contentGuid: string
  readonly contentId: bigint
  readonly bundleId: bigint
}

const MANIFESTS = {
  'python-api': {
    version: 1,
    metadata: { appmode: 'python-api', entrypoint: 'app:app' },
    python: { version: '3.11.4', package_manager: { name: 'pip', package_file: 'requirements.txt' } },
  },
  shiny: {
    version: 1,
    platform: '4.2.0',
    metadata: { appmode: 'shiny' },
    packages: { shiny: { description: { Package: 'shiny', Version: '1.7.0' } } },
  },
  static: { version: 1, metadata: { appmode: 'static', primary_html: 'index.html' } },
} as const

/** A content with one uploaded bundle, as REST would have left it. */
export async function seedBundle(
  core: Core,
  mode: keyof typeof MANIFESTS = 'python-api',
  options: { readonly requirements?: string; readonly contentGuid?: string; readonly manifest?: unknown } = {},
): Promise<Seeded> {
  const { sql } = core
  await sql`insert into users (guid, username, user_role) values ('00000000-0000-4000-8000-000000000001', 'publisher', 'publisher') on conflict do nothing`
  const contentGuid = options.contentGuid ?? randomUUID()
  await sql`
    insert into content (guid, name, owner_guid) values (${contentGuid}, ${contentGuid}, '00000000-0000-4000-8000-000000000001') on conflict do nothing`
  const [content] = await sql<{ id: string }[]>`select id from content where guid = ${contentGuid}`
  const sha = randomUUID().replaceAll('-', '').repeat(2)
  const [bundle] = await sql<{ id: string }[]>`
    insert into bundles (content_guid, archive_bytes, archive_sha256, archive_sha1, archive_md5, unpacked_bytes, file_count, manifest, app_mode, requirements)
    values (${contentGuid}, 10, ${sha}, 'x', 'x', 10, 1, ${sql.json((options.manifest ?? MANIFESTS[mode]) as never)}, ${mode}, ${options.requirements ?? null})
    returning id`
  const seeded = { contentGuid, contentId: BigInt(content?.id ?? 0), bundleId: BigInt(bundle?.id ?? 0) }
  const dir = join(core.controlPlane.settings.dataDir, 'bundles', contentGuid)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, `${seeded.bundleId}.tar.gz`), '0123456789')
  return seeded
}

/** The same, already built and active: what a deployment leaves. */
export async function seedDeployed(core: Core, mode: keyof typeof MANIFESTS = 'python-api'): Promise<Seeded> {
  const seeded = await seedBundle(core, mode)
  const python = mode === 'python-api' ? '3.11.2' : null
  const r = mode === 'shiny' ? '4.2.2' : null
  await core.sql`update bundles set state = 'built', python_version = ${python}, r_version = ${r} where id = ${`${seeded.bundleId}`}`
  await core.sql`update content set bundle_id = ${`${seeded.bundleId}`}, app_mode = ${mode} where guid = ${seeded.contentGuid}`
  await core.sql`select pg_notify('routes_changed', '')`
  return seeded
}

/** Deployment and task rows as REST's transaction writes them. The queue has not been rung. */
export async function seedDeployment(
  core: Core,
  seeded: Seeded,
  activate = true,
): Promise<{ deploymentId: string; taskId: string }> {
  const deploymentId = randomUUID()
  const taskId = randomUUID().slice(0, 16)
  await core.sql.begin(async (tx) => {
    await tx`insert into tasks (id, kind) values (${taskId}, 'deploy')`
    await tx`insert into deployments (id, content_guid, bundle_id, task_id, activate) values (${deploymentId}, ${seeded.contentGuid}, ${`${seeded.bundleId}`}, ${taskId}, ${activate})`
  })
  return { deploymentId, taskId }
}

export async function taskEnd(
  core: Core,
  taskId: string,
  timeoutMs = 20_000,
): Promise<{ code: number; error: string; lines: string[] }> {
  const task = await explained(
    core,
    taskId,
    waitFor(
      'the task to finish',
      async () =>
        (await core.sql<{ code: number; error: string }[]>`select code, error from tasks where id = ${taskId} and finished`)[0],
      timeoutMs,
    ),
  )
  const lines = await core.sql<{ text: string }[]>`select text from task_lines where task_id = ${taskId} order by line`
  return { ...task, lines: lines.map((line) => line.text) }
}

/** What the control plane said, when a wait was in vain. */
async function explained<T>(core: Core, taskId: string, waiting: Promise<T>): Promise<T> {
  return waiting.catch(async (error: Error) => {
    const lines = await core.sql<{ text: string }[]>`select text from task_lines where task_id = ${taskId} order by line`
    const said = lines.map((line) => line.text).join('\n')
    throw new Error(`${error.message}\n${said}\n${core.controlPlane.output.text.slice(-3000)}`, { cause: error })
  })
}
