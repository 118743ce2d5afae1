// `berth up`: a whole single-host Berth. Owns the private servers, the parts and their order. Promises that Ctrl-C leaves no process,
// mount, cgroup or socket behind, and that SIGKILL loses nothing: content, Postgres and Redis live on and the next start takes them over.
// Leaves to the parts everything that they do.
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { derivePaths, listenOf, type Paths, SERVICE_ACCOUNTS } from '@berth/config/derive-part-settings.js'
import type { LoadedConfig } from '@berth/config/load-config.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { parseListen } from '@berth/config/setting.js'
import { AppError, errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { findAccount } from '../host/accounts.js'
import { checkDefaultRunAs } from '../host/check-run-as.js'
import { makeDirectories, makeDirectory, makeServerDirectories } from '../host/directories.js'
import { lockUp } from '../host/lock.js'
import { checkPortIsFree } from '../host/port-check.js'
import { checkTempDir, readTempDirFacts } from '../host/temp-dir.js'
import { INSTALL_DIR } from '../install-dir.js'
import { CONTENT_STOP_MARGIN_MS, SIGNAL_TWICE_MS } from '../limits.js'
import { keepPart, type PartKeeper } from '../parts/keep-part.js'
import type { Part } from '../parts/part.js'
import { agentPart, baseForUs, controlPlanePart, gatewayPart } from '../parts/single-host-parts.js'
import { newJoinToken, runAdmin } from '../run-admin.js'
import { makeServerPasswords, readServerPasswords } from '../servers/passwords.js'
import { createPrivatePostgres } from '../servers/postgres.js'
import { createPrivateRedis } from '../servers/redis.js'
import { keepServer, type ServerKeeper } from '../servers/server-keeper.js'
import { ApiClient } from './api-client.js'
import { forgetParts, recordParts, waitForEarlierParts } from './earlier-parts.js'
import { killContent } from './kill-content.js'
import { createPartLog, type PartLog } from './part-log.js'
import { createProgress, type Progress } from './progress.js'
import { administratorFile, bootstrapAdministrator, readAdministrator } from './provision.js'
import { publishSample, sampleNames } from './publish-samples.js'

export interface UpOptions {
  readonly config: LoadedConfig
  readonly samples: boolean
}

/** sysexits.h: a wrong configuration or a host that lacks something; starting again would not help. */
const EXIT_CONFIG = 78
const EXIT_HELD = 75
const BOOTSTRAP_SECRET_BYTES = 48

/** Returns the exit status, once everything has ended. */
export async function runUp(options: UpOptions): Promise<number> {
  const progress = createProgress(process.stdout, process.stderr)
  const { config } = options
  const paths = derivePaths(config)
  process.umask(0o022)
  const problem = checkTempDir(paths.tempDir, readTempDirFacts(paths.tempDir))
  if (problem?.kind === 'refusal') throw new AppError('invalid', problem.message)
  if (problem?.kind === 'warning') progress.warn(`warning: ${problem.message}`)

  makeDirectory(paths.runDir, 0o711, 0, 0)
  const locked = await lockUp(paths.runDir)
  if (locked.kind === 'held') {
    progress.warn(
      `Berth is already running here (${locked.by}, ${paths.runDir}): stop that one, or set Server.RunDir and Server.DataDir`,
    )
    return EXIT_HELD
  }
  const berth = new SingleHost(options, paths, progress)
  try {
    return await berth.run()
  } finally {
    locked.lock.release()
  }
}

class SingleHost {
  readonly #config: LoadedConfig
  readonly #samples: boolean
  readonly #paths: Paths
  readonly #progress: Progress
  readonly #parts: PartKeeper[] = []
  readonly #servers: ServerKeeper[] = []
  readonly #logs: PartLog[] = []
  #stopping: Promise<void> | undefined
  #finish: (code: number) => void = () => {}

  constructor(options: UpOptions, paths: Paths, progress: Progress) {
    this.#config = options.config
    this.#samples = options.samples
    this.#paths = paths
    this.#progress = progress
  }

  async run(): Promise<number> {
    const finished = new Promise<number>((resolve) => {
      this.#finish = resolve
    })
    this.#listenToSignals()
    this.#start().catch((error: unknown) => {
      // What fails because we are stopping is no failure.
      if (this.#stopping !== undefined) return
      this.#progress.warn(errorChain(error))
      this.#end(EXIT_CONFIG)
    })
    return finished
  }

  #listenToSignals(): void {
    let lastMs = Number.NEGATIVE_INFINITY
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        const now = performance.now()
        // npm and the terminal both pass a Ctrl-C on.
        const again = now - lastMs < SIGNAL_TWICE_MS
        lastMs = now
        if (again) return
        if (this.#stopping === undefined) {
          this.#progress.say('\nStopping content, then Berth itself; Ctrl-C again kills content at once')
          this.#end(0)
        } else {
          void killContent(this.#paths.stateDir)
        }
      })
    }
  }

  #end(code: number): void {
    if (this.#stopping !== undefined) return
    this.#stopping = this.#stop()
    this.#stopping.then(
      () => {
        if (code === 0) this.#progress.say('Berth has stopped.')
        this.#finish(code)
      },
      (error: unknown) => {
        this.#progress.warn(`while stopping: ${errorChain(error)}`)
        this.#finish(1)
      },
    )
  }

  async #start(): Promise<void> {
    const config = this.#config
    const progress = this.#progress
    progress.say(`Berth ${PRODUCT_VERSION}, data in ${this.#paths.dataDir}`)
    const owners = {
      server: findAccount(SERVICE_ACCOUNTS.server),
      gateway: findAccount(SERVICE_ACCOUNTS.gateway),
      database: findAccount(SERVICE_ACCOUNTS.database),
      content: checkDefaultRunAs(
        config.value('Applications', 'RunAs'),
        config.value('Applications', 'SharedRunAsUnixGroup'),
        config.value('Applications', 'RunAsMinUid'),
      ),
    }
    const earlier = await waitForEarlierParts(this.#paths.runDir, this.#paths.dataDir)
    if (earlier > 0) progress.say(`  waited for ${earlier} parts of an earlier start to end`)
    await checkPortIsFree(listenOf(config), 'stop it, or choose another place with --listen or HTTP.Listen')
    if (config.value('Agent', 'ControlPlane') === null) {
      const cluster = parseListen(config.value('Cluster', 'Listen'))
      if (cluster !== undefined) await checkPortIsFree(cluster, 'stop it, or choose another place with Cluster.Listen')
    }
    makeDirectories(['control-plane', 'agent', 'gateway'], this.#paths, owners)
    makeServerDirectories(this.#paths, owners)
    const passwords = await this.#startServers(owners.database)

    // A secret for this start alone, when we are to make the administrator; otherwise the one that the administrator chose.
    const provisions = this.#samples && !config.value('Bootstrap', 'Enabled')
    const secret =
      provisions && readAdministrator(this.#paths.dataDir) === undefined
        ? randomBytes(BOOTSTRAP_SECRET_BYTES).toString('base64')
        : undefined
    const controlPlane = controlPlanePart(
      config,
      passwords,
      secret === undefined ? {} : { bootstrap: { enabled: true, secretKeyBase64: secret } },
    )
    await this.#startPart(controlPlane, 'control plane')
    await this.#startPart(
      agentPart(config, async () => (await newJoinToken(controlPlane.plain)).token),
      'agent',
    )
    await this.#startPart(gatewayPart(config), 'gateway')
    if (provisions) await this.#provision(controlPlane.plain, secret)
    else if (this.#samples)
      progress.say('  Bootstrap.Enabled is set, so the first administrator is yours to make: no samples are published')
    else if (readAdministrator(this.#paths.dataDir) === undefined) {
      progress.say(
        '  Started without samples. The first administrator: `berth user create NAME --role administrator`, or Bootstrap.* and `rsconnect bootstrap`',
      )
    }
    progress.say(`Berth is ready at ${this.#address()}`)
  }

  async #startServers(account: ReturnType<typeof findAccount>) {
    const { dataDir, runDir, databaseSocketDir, redisSocket } = this.#paths
    const secrets = readServerPasswords(dataDir) ?? makeServerPasswords(dataDir)
    const passwords = { postgres: null as string | null, redis: null as string | null }
    if (this.#config.value('Postgres', 'URL') === null) {
      passwords.postgres = secrets.postgres
      const place = { dataDir, runDir, socketDir: databaseSocketDir, account, password: secrets.postgres }
      await this.#startServer('private PostgreSQL', keepServer(createPrivatePostgres(place), this.#progress.warn))
    }
    if (this.#config.value('Redis', 'URL') === null) {
      passwords.redis = secrets.redis
      const place = { dataDir, runDir, socket: redisSocket, account, password: secrets.redis }
      await this.#startServer('private Redis', keepServer(createPrivateRedis(place), this.#progress.warn))
    }
    return passwords
  }

  async #startServer(title: string, keeper: ServerKeeper): Promise<void> {
    this.#refuseWhileStopping()
    this.#servers.unshift(keeper)
    await this.#progress.step(
      title,
      () => keeper.start(),
      (how) => how,
    )
  }

  async #startPart(part: Part, title: string): Promise<void> {
    this.#refuseWhileStopping()
    let keeper: PartKeeper | undefined
    const log = createPartLog(part.name, join(this.#paths.dataDir, 'logs'), (line) => {
      // What it says before it has started is said once, by the failed step.
      if (keeper?.hasStarted() === true) this.#progress.warn(line)
    })
    this.#logs.push(log)
    const kept = keepPart(part, {
      log,
      warn: (line) => this.#progress.warn(line),
      onHopeless: (reason) => {
        this.#progress.warn(reason)
        this.#end(EXIT_CONFIG)
      },
      onChange: () => this.#recordParts(),
    })
    keeper = kept
    this.#parts.push(kept)
    await this.#progress.step(title, () => kept.start())
  }

  #recordParts(): void {
    const parts = this.#parts.flatMap((keeper) => keeper.running() ?? [])
    recordParts(this.#paths.runDir, { dataDir: this.#paths.dataDir, parts })
  }

  /** A start that goes on after Ctrl-C would start what nobody stops. */
  #refuseWhileStopping(): void {
    if (this.#stopping !== undefined) throw new AppError('unavailable', 'Berth is stopping')
  }

  async #provision(controlPlane: ControlPlaneSettings, secret: string | undefined): Promise<void> {
    const progress = this.#progress
    const { dataDir } = this.#paths
    const base = baseForUs(listenOf(this.#config))
    let administrator = readAdministrator(dataDir)
    if (administrator === undefined && secret !== undefined) {
      administrator = await progress.step('first administrator', () =>
        bootstrapAdministrator(base, dataDir, secret, async (name, password) => {
          await runAdmin(controlPlane, ['user-set-password', name], { password })
        }),
      )
    }
    if (administrator === undefined) {
      progress.say('  There are users already, so no administrator was made and no samples are published')
      return
    }
    const client = new ApiClient(base, `Key ${administrator.apiKey}`)
    const samplesDir = join(INSTALL_DIR, 'share/samples')
    for (const sample of sampleNames(samplesDir)) {
      this.#refuseWhileStopping()
      const said: string[] = []
      try {
        await progress.step(
          `sample ${sample}`,
          () => publishSample(client, samplesDir, sample, (line) => said.push(line)),
          (published) => this.#addressOf(published.url),
        )
      } catch (error) {
        // Such as a host without a way to Python packages: the rest of Berth is ready all the same.
        progress.warn(`sample ${sample} is not published: ${errorChain(error)}`)
        for (const line of said.slice(-10)) progress.warn(`    ${line}`)
      }
    }
    progress.say(`  Administrator's name, password and API key: ${administratorFile(dataDir)}`)
  }

  #address(): string {
    const listen = listenOf(this.#config)
    const host = listen.host === '::' || listen.host === '0.0.0.0' ? 'localhost' : listen.host
    return this.#config.value('Server', 'Address') ?? `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
  }

  /** The server tells addresses as we asked for them; a person types another host. */
  #addressOf(url: string): string {
    if (this.#config.value('Server', 'Address') !== null) return url
    return `${this.#address()}${new URL(url).pathname}`
  }

  async #stop(): Promise<void> {
    await this.#stopContent()
    for (const name of ['gateway', 'agent', 'control-plane']) await this.#parts.find((one) => one.name === name)?.stop()
    for (const server of this.#servers) await server.stop()
    // Only what was started is ours to forget: a start that was refused leaves the record of the one that lives.
    if (this.#parts.length > 0) forgetParts(this.#paths.runDir)
    for (const name of ['control.sock', 'http.sock']) rmSync(join(this.#paths.runDir, 'control', name), { force: true })
    for (const log of this.#logs) log.close()
  }

  async #stopContent(): Promise<void> {
    const agent = this.#parts.find((one) => one.name === 'agent')
    if (agent === undefined || !agent.hasStarted() || !(await agent.ensureRunning())) return
    agent.letGo()
    agent.tell({ stop: 'content' })
    const { value } = this.#config
    const limitMs = value('Scheduler', 'StopGrace') + value('Scheduler', 'KillGrace') + CONTENT_STOP_MARGIN_MS
    if (await agent.waitForEnd(limitMs)) return
    this.#progress.warn('content does not end: it is killed')
    await killContent(this.#paths.stateDir)
    await agent.waitForEnd(CONTENT_STOP_MARGIN_MS)
  }
}
