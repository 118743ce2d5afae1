// The REST side over its own socket, with a real PostgreSQL behind it and no agents: what is asked, answered and stored.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { type PrivatePostgres, startPrivatePostgres } from '@berth/testing/private-postgres.js'
import { createChangeFeed } from '../../../apps/control-plane/dist/events.js'
import { createIdentityRoom, type IdentityRoom } from '../../../apps/control-plane/dist/identity/identity-room.js'
import { migrate, openPostgres, type Sql } from '../../../apps/control-plane/dist/platform/postgres.js'
import { openSecretBox, type SecretBox } from '../../../apps/control-plane/dist/platform/secret-box.js'
import { createProcessesRoom } from '../../../apps/control-plane/dist/processes/processes-room.js'
import { startRest } from '../../../apps/control-plane/dist/start-rest.js'
import { createTasksRoom, type TasksRoom } from '../../../apps/control-plane/dist/tasks/tasks-room.js'
import { createLog, createMetrics } from '../../../apps/control-plane/dist/telemetry.js'

export const BOOTSTRAP_SECRET = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads the shape it expects and fails where that is wrong
  readonly json: any
}

export interface Call {
  /** undefined = anonymous. */
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Objects are sent as JSON; bytes, texts and streams as they are. */
  readonly body?: unknown
}

export interface RestServer {
  readonly sql: Sql
  readonly identity: IdentityRoom
  readonly tasks: TasksRoom
  readonly secretBox: SecretBox
  readonly settings: ControlPlaneSettings
  readonly routes: readonly string[]
  /** Deployments that the queue was rung for. */
  readonly rung: readonly string[]
  /** The clock that the server reads moves on by so much. */
  passTime(ms: number): void
  call(method: string, path: string, call?: Call): Promise<Answer>
  /** A user with an API key. */
  addUser(
    role: 'viewer' | 'publisher' | 'administrator',
    username?: string,
  ): Promise<{ guid: string; username: string; key: string }>
  /** Everything below DataDir/bundles. */
  archiveFiles(): Promise<string[]>
  stop(): Promise<void>
}

export async function startRestServer(override: Partial<ControlPlaneSettings> = {}): Promise<RestServer> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-rest-'))
  const postgres: PrivatePostgres = await startPrivatePostgres()
  const database = await postgres.createDatabase()
  const dashboardDir = join(dir, 'dashboard')
  await mkdir(dashboardDir)
  await chmod(dashboardDir, 0o755)
  await writeFile(join(dashboardDir, 'index.html'), '<!doctype html><title>Berth</title>')
  await writeFile(join(dashboardDir, 'page.js'), '// nothing')
  const settings: ControlPlaneSettings = { ...defaults(dir, dashboardDir), postgres: database, ...override }
  const sql = openPostgres(settings.postgres, { poolMax: 10 })
  await migrate(sql, join(import.meta.dirname, '../../../apps/control-plane/migrations'))
  const log = createLog('rest-test')
  log.level = process.env.BERTH_TEST_LOG ?? 'silent'
  const feed = createChangeFeed(() => openPostgres(settings.postgres, { poolMax: 1 }), log)
  await feed.start()
  let aheadMs = 0
  const clock = { now: () => new Date(Date.now() + aheadMs) }
  const secretBox = await openSecretBox(join(dir, 'secret.key'))
  const identity = createIdentityRoom({ sql, clock, settings })
  const tasks = createTasksRoom({ sql, feed })
  const processes = createProcessesRoom({ sql, feed })
  const rung: string[] = []
  const rest = await startRest({
    settings,
    sql,
    clock,
    secretBox,
    identity,
    tasks,
    processes,
    metrics: createMetrics(),
    log,
    enqueueDeployment: (id) => rung.push(id),
  })
  let users = 0
  return {
    sql,
    identity,
    tasks,
    secretBox,
    settings,
    routes: rest.routes,
    rung,
    passTime(ms) {
      aheadMs += ms
    },
    call: (method, path, call = {}) => send(settings.httpSocket, method, path, call),
    async addUser(role, username) {
      users += 1
      const user = await identity.createUser(null, { username: username ?? `${role}${users}`, role })
      const { key } = await identity.createApiKey(null, user.guid, 'test')
      return { guid: user.guid, username: user.username, key }
    },
    archiveFiles: async () => {
      const entries = await readdir(join(dir, 'bundles'), { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    },
    async stop() {
      await rest.close()
      await feed.stop()
      await sql.end({ timeout: 1 })
      await postgres.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function send(socketPath: string, method: string, path: string, { key, headers, body }: Call): Promise<Answer> {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array || isStream(body)
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      method,
      path,
      headers: { host: 'berth.test', ...(key === undefined ? {} : { authorization: `Key ${key}` }), ...headers },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString('utf8')
        const isJson = response.headers['content-type']?.startsWith('application/json') === true && text !== ''
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        })
      })
    })
    if (isStream(body)) body.pipe(request)
    else request.end(isRaw ? (body as string | Uint8Array | undefined) : JSON.stringify(body))
  })
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body
}

function defaults(dir: string, dashboardDir: string): Omit<ControlPlaneSettings, 'postgres'> {
  return {
    dataDir: dir,
    runDir: dir,
    httpSocket: join(dir, 'http.sock'),
    controlSocket: join(dir, 'control.sock'),
    clusterListen: { host: '127.0.0.1', port: 0 },
    redis: { kind: 'private', socket: join(dir, 'redis.sock'), password: '' },
    address: null,
    apiVersion: '2026.06.0',
    runAs: { defaultAccount: 'nobody', sharedGroup: null, minUid: 500 },
    scheduler: {
      initTimeoutMs: 60_000,
      idleTimeoutMs: 5_000,
      connectionTimeoutMs: 3_600_000,
      readTimeoutMs: 3_600_000,
      stopGraceMs: 5_000,
      killGraceMs: 5_000,
      minProcesses: 0,
      maxProcesses: 3,
      maxConnsPerProcess: 20,
      loadFactor: 0.5,
      minProcessesLimit: 2,
      maxProcessesLimit: 10,
    },
    bundle: { bytesMax: 4 << 20, unpackedBytesMax: 2 ** 40, filesMax: 1_000, ratioMax: 100 },
    retention: { jobsPerContent: 100, jobAgeMs: 0, bundlesPerContent: 10, appDirsPerContent: 2 },
    bootstrap: { enabled: true, secretKeyBase64: BOOTSTRAP_SECRET },
    authentication: { lifetimeMs: 24 * 3_600_000, inactivityMs: 8 * 3_600_000 },
    defaultServerEnv: true,
    defaultApiKeyEnv: true,
    prohibitedEnvironment: ['PATH', 'CONNECT_SERVER'],
    dashboardDir,
  }
}
