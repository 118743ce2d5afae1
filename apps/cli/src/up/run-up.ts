// `berth up`: a whole single-host Berth. Owns the private stores, the parts and their order; promises that a Ctrl-C leaves nothing
// behind and that a SIGKILL loses nothing: content, Postgres and Redis live on and the next `berth up` takes them over.
// Leaves to the parts: everything they do.
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { AgentSettings, ControlPlaneSettings, GatewaySettings } from '@berth/config/part-settings.js'
import { AppError, errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { GATEWAY_ACCOUNT, lookUpAccount, SERVER_ACCOUNT, STORE_ACCOUNT } from '../accounts.js'
import { CONTENT_STOP_MS_MAX, PART_READY_MS_MAX, PART_STOP_MS_MAX } from '../limits.js'
import { runAdminCommand } from '../parts/admin-command.js'
import { type KeptPart, keepPart } from '../parts/kept-part.js'
import { accountOf, entryOf } from '../parts/start-part.js'
import { type PrivatePostgres, startPostgres, stopPostgres } from '../stores/private-postgres.js'
import { type PrivateRedis, startRedis, stopRedis } from '../stores/private-redis.js'
import { waitUntil } from '../wait-until.js'
import { ApiClient } from './api-client.js'
import { prepareDirectories } from './prepare-directories.js'
import { terminalProgress } from './progress.js'
import { administratorFile, bootstrapAdministrator, readAdministrator } from './provision.js'
import { publishSample, sampleNames } from './publish-samples.js'
import { takeUpLock } from './up-lock.js'

export interface UpSettings {
  readonly controlPlane: ControlPlaneSettings
  readonly agent: AgentSettings
  readonly gateway: GatewaySettings
  readonly installDir: string
  readonly samples: boolean
  /** Started by a script that cannot tell us when it is killed outright, such as `npm start`. */
  readonly endWithParent: boolean
}

const BOOTSTRAP_SECRET_BYTES = 48
const PARENT_CHECK_MS = 500
const LOOK_MS = 50

/** Returns the exit code once everything has ended. */
export async function runUp(settings: UpSettings): Promise<number> {
  const { agent: host } = settings
  const progress = terminalProgress((text) => process.stdout.write(text))
  progress.say(`Starting Berth ${PRODUCT_VERSION} from ${settings.installDir}`)
  const accounts = {
    server: lookUpAccount(SERVER_ACCOUNT),
    gateway: lookUpAccount(GATEWAY_ACCOUNT),
    store: lookUpAccount(STORE_ACCOUNT),
    content: lookUpAccount(host.runAs.defaultAccount),
  }
  prepareDirectories(host, accounts)
  const lock = await takeUpLock(join(host.runDir, 'up.sock'))

  const running = new Running(settings)
  const stopped = new Promise<number>((resolve) => {
    const stop = (code: number) =>
      void running.stop(progress.say).then(
        () => resolve(code),
        (error: unknown) => {
          process.stderr.write(`stopping: ${errorChain(error)}\n`)
          resolve(1)
        },
      )
    let asked = 0
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        asked += 1
        if (asked === 1) {
          progress.say('\nStopping: content first, then the parts and the stores (Ctrl-C again hurries)')
          stop(0)
        } else running.hurry()
      })
    }
    running.onHopeless = (name, said) => {
      process.stderr.write(`${said || `the ${name} cannot work as configured`}\n`)
      stop(1)
    }
    if (settings.endWithParent) endWithParent()
    void start(running, progress, settings).catch((error: unknown) => {
      if (asked > 0) return
      process.stderr.write(`cannot start: ${errorChain(error)}\n`)
      stop(1)
    })
  })
  const code = await stopped
  lock.close()
  rmSync(join(host.runDir, 'up.sock'), { force: true })
  return code
}

async function start(running: Running, progress: ReturnType<typeof terminalProgress>, settings: UpSettings): Promise<void> {
  const { controlPlane, agent, gateway, installDir } = settings
  const { postgres, redis } = running
  if (postgres !== undefined)
    await progress.step(
      'private PostgreSQL',
      () => startPostgres(postgres),
      (how) => how,
    )
  if (redis !== undefined)
    await progress.step(
      'private Redis',
      () => startRedis(redis),
      (how) => how,
    )

  // The bootstrap secret of this run is ours when we are to provision; otherwise it is the administrator's.
  const ownSecret = settings.samples && readAdministrator(controlPlane.dataDir) === undefined && !controlPlane.bootstrap.enabled
  const secretKeyBase64 = ownSecret ? randomBytes(BOOTSTRAP_SECRET_BYTES).toString('base64') : null
  const controlPlaneSettings: ControlPlaneSettings =
    secretKeyBase64 === null ? controlPlane : { ...controlPlane, bootstrap: { enabled: true, secretKeyBase64 } }

  await progress.step('control plane', async () => {
    running.keep('control-plane', () => controlPlaneSettings)
    await waitUntil('the control plane to answer', PART_READY_MS_MAX, () => connects(controlPlane.httpSocket), LOOK_MS)
  })
  await progress.step('agent', async () => {
    const enrolled = existsSync(join(agent.stateDir, 'identity', 'certificate.pem'))
    const joinToken = enrolled ? null : await newJoinToken(installDir, controlPlaneSettings)
    running.keep('agent', () => ({ ...agent, joinToken }))
  })
  const base = `http://${hostForUs(gateway.listen.host)}:${gateway.listen.port}`
  await progress.step('gateway', async () => {
    running.keep('gateway', () => gateway)
    await waitUntil('the gateway to answer', PART_READY_MS_MAX, () => answersPing(base), LOOK_MS)
  })

  if (settings.samples) await provision(progress, settings, base, secretKeyBase64)
  else
    progress.say(
      '  Left unprovisioned (--no-samples): make the first administrator with `rsconnect bootstrap` or `berth user create`',
    )
  progress.say(`Berth is ready at ${controlPlane.address ?? `http://localhost:${gateway.listen.port}`}`)
}

async function provision(
  progress: ReturnType<typeof terminalProgress>,
  settings: UpSettings,
  base: string,
  secretKeyBase64: string | null,
): Promise<void> {
  const { controlPlane, installDir } = settings
  let administrator = readAdministrator(controlPlane.dataDir)
  if (administrator === undefined && secretKeyBase64 !== null) {
    administrator = await progress.step('first administrator', () =>
      bootstrapAdministrator(base, controlPlane.dataDir, secretKeyBase64, async (name, password) => {
        await runAdminCommand(installDir, controlPlane, ['user-set-password', name], { password })
      }),
    )
  }
  if (administrator === undefined) return
  const client = new ApiClient(base, `Key ${administrator.apiKey}`)
  const samplesDir = join(installDir, 'share/samples')
  for (const sample of sampleNames(samplesDir)) {
    try {
      await progress.step(
        `sample ${sample}`,
        () => publishSample(client, samplesDir, sample, () => {}),
        (published) => published.url,
      )
    } catch (error) {
      // A sample that cannot be published (no network for its packages) is no reason not to start.
      progress.say(`  ! sample ${sample} is not published: ${errorChain(error)}`)
    }
  }
  progress.say(`  Administrator's name, password and API key: ${administratorFile(controlPlane.dataDir)}`)
}

/** What has been started and how it ends, in order. */
class Running {
  readonly #settings: UpSettings
  readonly #parts = new Map<string, KeptPart>()
  onHopeless: (name: string, said: string) => void = () => {}
  readonly postgres: PrivatePostgres | undefined
  readonly redis: PrivateRedis | undefined

  constructor(settings: UpSettings) {
    this.#settings = settings
    const { postgres, redis, dataDir } = settings.controlPlane
    const account = lookUpAccount(STORE_ACCOUNT)
    if (postgres.kind === 'private') {
      this.postgres = { ...postgres, dataDir: join(dataDir, 'postgres'), account }
    }
    if (redis.kind === 'private') this.redis = { ...redis, dataDir: join(dataDir, 'redis'), account }
  }

  keep(name: 'control-plane' | 'agent' | 'gateway', settings: () => unknown): void {
    const { controlPlane, installDir } = this.#settings
    const log = join(controlPlane.dataDir, 'log', `${name}.log`)
    const start = () => ({ installDir, entry: entryOf(name), settings: settings(), account: accountOf(name) })
    this.#parts.set(
      name,
      keepPart(name, log, start, {
        onRestart: (part, how, delayMs) =>
          process.stdout.write(`  ! the ${part} ${how}; it is started again in ${delayMs} ms (log: ${log})\n`),
        onHopeless: (part, said) => this.onHopeless(part, said),
      }),
    )
  }

  async stop(say: (line: string) => void): Promise<void> {
    const agent = this.#parts.get('agent')
    agent?.tell({ stop: 'content' })
    await agent?.stop({ signal: null, limitMs: CONTENT_STOP_MS_MAX })
    for (const name of ['gateway', 'control-plane']) {
      await this.#parts.get(name)?.stop({ signal: 'SIGTERM', limitMs: PART_STOP_MS_MAX })
    }
    if (this.redis !== undefined) await stopRedis(this.redis)
    if (this.postgres !== undefined) await stopPostgres(this.postgres)
    say('Berth has stopped')
  }

  hurry(): void {
    for (const part of this.#parts.values()) if (part.pid !== undefined) process.kill(part.pid, 'SIGTERM')
  }
}

async function newJoinToken(installDir: string, settings: ControlPlaneSettings): Promise<string> {
  const answer = await runAdminCommand(installDir, settings, ['node-token'])
  const token = (answer as { token?: unknown }).token
  if (typeof token !== 'string') throw new AppError('internal', 'the control plane gave no join token')
  return token
}

/** When whoever started us is killed outright, end as killed too: the parts see their channel close, everything else lives on. */
function endWithParent(): void {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  }, PARENT_CHECK_MS).unref()
}

function connects(socketPath: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(undefined))
  })
}

async function answersPing(base: string): Promise<true | undefined> {
  try {
    return (await fetch(`${base}/__ping__`)).ok ? true : undefined
  } catch {
    return undefined
  }
}

function hostForUs(host: string): string {
  if (host === '' || host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
