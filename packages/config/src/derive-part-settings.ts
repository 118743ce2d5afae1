// From the configuration to what each part is told: its own settings and nothing of the others'. Pure.
import { dirname, join } from 'node:path'
import { API_VERSION_DEFAULT } from '@berth/domain/versions.js'
import type { LoadedConfig } from './load-config.js'
import type {
  AgentSettings,
  ControlPlaneSettings,
  GatewaySettings,
  PostgresSettings,
  RedisSettings,
  RunAsSettings,
} from './part-settings.js'
import { type ListenAddress, parseListen } from './setting.js'

/** Accounts of our own services: never RunAs (decision 15). */
export const SERVICE_ACCOUNTS = { server: 'berth-server', gateway: 'berth-gateway', database: 'berth-db' } as const

const RETENTION_JOBS = 1_000
const RETENTION_JOB_AGE_MS = 30 * 24 * 60 * 60 * 1_000
const RETENTION_BUNDLES = 20

/** Secrets of the private servers; null = never made, because the server is an external one. */
export interface DatabasePasswords {
  readonly postgres: string | null
  readonly redis: string | null
}

export interface Paths {
  readonly dataDir: string
  readonly runDir: string
  readonly tempDir: string
  readonly stateDir: string
  readonly controlSocket: string
  readonly httpSocket: string
  readonly databaseSocketDir: string
  readonly redisSocket: string
  readonly configDirs: readonly string[]
}

export function derivePaths(config: LoadedConfig): Paths {
  const dataDir = config.value('Server', 'DataDir')
  const runDir = config.value('Server', 'RunDir')
  return {
    dataDir,
    runDir,
    tempDir: config.tempDir,
    stateDir: config.value('Agent', 'StateDir') ?? `${dataDir.replace(/\/+$/, '')}-agent`,
    controlSocket: config.value('Cluster', 'ControlSocket') ?? join(runDir, 'control/control.sock'),
    httpSocket: join(runDir, 'control/http.sock'),
    databaseSocketDir: join(runDir, 'db'),
    redisSocket: join(runDir, 'db/redis.sock'),
    configDirs: [...new Set(['/etc/berth', dirname(config.file)])],
  }
}

export function listenOf(config: LoadedConfig): ListenAddress {
  return parsed(config.value('HTTP', 'Listen'))
}

export function deriveControlPlaneSettings(
  config: LoadedConfig,
  passwords: DatabasePasswords,
  installDir: string,
): ControlPlaneSettings {
  const paths = derivePaths(config)
  const value = config.value
  return {
    dataDir: paths.dataDir,
    runDir: paths.runDir,
    httpSocket: paths.httpSocket,
    controlSocket: paths.controlSocket,
    clusterListen: parsed(value('Cluster', 'Listen')),
    postgres: postgresSettings(config, passwords, paths),
    redis: redisSettings(config, passwords, paths),
    address: value('Server', 'Address'),
    apiVersion: API_VERSION_DEFAULT,
    runAs: runAsSettings(config),
    scheduler: {
      initTimeoutMs: value('Scheduler', 'InitTimeout'),
      idleTimeoutMs: value('Scheduler', 'IdleTimeout'),
      connectionTimeoutMs: value('Scheduler', 'ConnectionTimeout'),
      readTimeoutMs: value('Scheduler', 'ReadTimeout'),
      stopGraceMs: value('Scheduler', 'StopGrace'),
      killGraceMs: value('Scheduler', 'KillGrace'),
      minProcesses: value('Scheduler', 'MinProcesses'),
      maxProcesses: value('Scheduler', 'MaxProcesses'),
      maxConnsPerProcess: value('Scheduler', 'MaxConnsPerProcess'),
      loadFactor: value('Scheduler', 'LoadFactor'),
      minProcessesLimit: value('Scheduler', 'MinProcessesLimit'),
      maxProcessesLimit: value('Scheduler', 'MaxProcessesLimit'),
    },
    bundle: {
      bytesMax: value('Server', 'BundleSizeLimit'),
      unpackedBytesMax: value('Server', 'BundleUnpackedLimit'),
      filesMax: value('Server', 'BundleFileLimit'),
      ratioMax: value('Server', 'BundleRatioLimit'),
    },
    retention: {
      jobsPerContent: value('Retention', 'Jobs') ?? value('Jobs', 'MaxCompleted') ?? RETENTION_JOBS,
      jobAgeMs: value('Retention', 'JobAge') ?? value('Jobs', 'OldestCompleted') ?? RETENTION_JOB_AGE_MS,
      bundlesPerContent: value('Retention', 'Bundles') ?? value('Applications', 'BundleRetentionLimit') ?? RETENTION_BUNDLES,
      appDirsPerContent: value('Applications', 'ContentDirectoryRetention'),
    },
    bootstrap: { enabled: value('Bootstrap', 'Enabled'), secretKeyBase64: value('Bootstrap', 'SecretKey')?.trim() ?? null },
    authentication: {
      lifetimeMs: value('Authentication', 'Lifetime'),
      inactivityMs: value('Authentication', 'Inactivity'),
    },
    defaultServerEnv: value('Applications', 'DefaultServerEnv'),
    defaultApiKeyEnv: value('Applications', 'DefaultAPIKeyEnv'),
    prohibitedEnvironment: value('Applications', 'ProhibitedEnvironment'),
    dashboardDir: join(installDir, 'share/dashboard'),
  }
}

export function deriveAgentSettings(config: LoadedConfig, joinToken: string | null, installDir: string): AgentSettings {
  const paths = derivePaths(config)
  const value = config.value
  const allow = value('Agent', 'AllowRunAs')
  return {
    dataDir: paths.dataDir,
    runDir: paths.runDir,
    tempDir: paths.tempDir,
    stateDir: paths.stateDir,
    configDirs: paths.configDirs,
    sqliteDir: value('SQLite', 'Dir'),
    controlPlane: dialAddress(parsed(value('Agent', 'ControlPlane') ?? value('Cluster', 'Listen'))),
    joinToken,
    installDir,
    runAs: { ...runAsSettings(config), allow: allow.length === 0 ? null : allow },
    serviceAccounts: Object.values(SERVICE_ACCOUNTS),
    gatewayGroup: SERVICE_ACCOUNTS.gateway,
    supervisor: splitWords(value('Applications', 'Supervisor')),
    homeMounting: value('Applications', 'HomeMounting'),
    privateTmp: value('Applications', 'PrivateTmp'),
    rConfigActive: value('Applications', 'RConfigActive'),
    pythonExecutables: value('Python', 'Executable'),
    rExecutables: [...value('R', 'Executable'), ...value('Server', 'RVersion')],
    pip: {
      indexUrl: value('Python', 'IndexURL'),
      extraIndexUrls: value('Python', 'ExtraIndexURL'),
      wheelDir: value('Python', 'WheelDir'),
    },
  }
}

export function deriveGatewaySettings(config: LoadedConfig): GatewaySettings {
  const paths = derivePaths(config)
  return {
    listen: listenOf(config),
    controlSocket: paths.controlSocket,
    httpSocket: paths.httpSocket,
    address: config.value('Server', 'Address'),
    trustedProxies: config.value('Server', 'TrustedProxy'),
    frameOptionsContent: config.value('Server', 'FrameOptionsContent'),
    frameOptionsDashboard: config.value('Server', 'FrameOptionsDashboard'),
  }
}

/** Words as a shell would split them, without expansions: blanks part, quotes and backslashes keep. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(
      match[0].replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, escaped?: string, double?: string, single?: string) =>
        escaped !== undefined ? escaped : double !== undefined ? double.replace(/\\(["\\])/g, '$1') : (single ?? ''),
      ),
    )
  }
  return words
}

function runAsSettings(config: LoadedConfig): RunAsSettings {
  return {
    defaultAccount: config.value('Applications', 'RunAs'),
    sharedGroup: config.value('Applications', 'SharedRunAsUnixGroup'),
    minUid: config.value('Applications', 'RunAsMinUid'),
  }
}

function postgresSettings(config: LoadedConfig, passwords: DatabasePasswords, paths: Paths): PostgresSettings {
  const url = config.value('Postgres', 'URL')
  if (url === null) {
    if (passwords.postgres === null) throw new Error('the private Postgres has no password yet')
    return {
      kind: 'private',
      socketDir: paths.databaseSocketDir,
      user: 'berth',
      password: passwords.postgres,
      database: 'berth',
    }
  }
  const password = config.value('Postgres', 'Password')
  if (password === null) return { kind: 'url', url }
  const withPassword = new URL(url)
  withPassword.password = encodeURIComponent(password)
  return { kind: 'url', url: withPassword.href }
}

function redisSettings(config: LoadedConfig, passwords: DatabasePasswords, paths: Paths): RedisSettings {
  const url = config.value('Redis', 'URL')
  if (url !== null) return { kind: 'url', url }
  if (passwords.redis === null) throw new Error('the private Redis has no password yet')
  return { kind: 'private', socket: paths.redisSocket, password: passwords.redis }
}

/** An agent cannot dial "every address". */
function dialAddress(listen: ListenAddress): ListenAddress {
  return listen.host === '::' || listen.host === '0.0.0.0' ? { host: '127.0.0.1', port: listen.port } : listen
}

function parsed(text: string): ListenAddress {
  const listen = parseListen(text)
  if (listen === undefined) throw new Error(`"${text}" passed as a listen address`)
  return listen
}
