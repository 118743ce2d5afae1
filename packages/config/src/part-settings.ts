// What `berth up` and `berth run PART` hand to a part as one JSON line on descriptor 3.
// Each part gets its own settings and nothing of the others': only root and berth-server ever see database secrets.
// Durations are milliseconds, sizes are bytes; 0 means "never" or "no limit" where the setting allows it.

export type PartName = 'control-plane' | 'agent' | 'gateway'

export interface ControlPlaneSettings {
  readonly dataDir: string
  readonly runDir: string
  /** REST for the gateway: a Unix socket that only the gateway's account may open. */
  readonly httpSocket: string
  /** berth.gateway.v1 for the gateway of this host. */
  readonly controlSocket: string
  /** Where agents dial in over mutual TLS. */
  readonly clusterListen: { readonly host: string; readonly port: number }
  readonly postgres: PostgresSettings
  readonly redis: RedisSettings
  /** Server.Address as the visitor types it, or null: then the request's host counts. */
  readonly address: string | null
  readonly apiVersion: string
  readonly runAs: RunAsSettings
  readonly scheduler: SchedulerSettings
  readonly bundle: BundleLimits
  readonly retention: RetentionSettings
  readonly bootstrap: { readonly enabled: boolean; readonly secretKeyBase64: string | null }
  readonly authentication: { readonly lifetimeMs: number; readonly inactivityMs: number }
  readonly defaultServerEnv: boolean
  readonly defaultApiKeyEnv: boolean
  readonly prohibitedEnvironment: readonly string[]
  /** Built page of /connect/. */
  readonly dashboardDir: string
}

export type PostgresSettings =
  | {
      readonly kind: 'private'
      readonly socketDir: string
      readonly user: string
      readonly password: string
      readonly database: string
    }
  | { readonly kind: 'url'; readonly url: string }

export type RedisSettings =
  | { readonly kind: 'private'; readonly socket: string; readonly password: string }
  | { readonly kind: 'url'; readonly url: string }

export interface RunAsSettings {
  readonly defaultAccount: string
  /** Group name; null = primary group of the default account. */
  readonly sharedGroup: string | null
  readonly minUid: number
}

export interface SchedulerSettings {
  readonly initTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly connectionTimeoutMs: number
  readonly readTimeoutMs: number
  readonly stopGraceMs: number
  readonly killGraceMs: number
  readonly minProcesses: number
  readonly maxProcesses: number
  readonly maxConnsPerProcess: number
  readonly loadFactor: number
  readonly minProcessesLimit: number
  readonly maxProcessesLimit: number
}

export interface BundleLimits {
  readonly bytesMax: number
  readonly unpackedBytesMax: number
  readonly filesMax: number
  /** Unpacked bytes per archive byte. */
  readonly ratioMax: number
}

export interface RetentionSettings {
  readonly jobsPerContent: number
  readonly jobAgeMs: number
  readonly bundlesPerContent: number
  readonly appDirsPerContent: number
}

export interface AgentSettings {
  readonly dataDir: string
  readonly runDir: string
  readonly tempDir: string
  readonly stateDir: string
  /** Directories with configuration, masked in every sandbox. */
  readonly configDirs: readonly string[]
  readonly sqliteDir: string | null
  readonly controlPlane: { readonly host: string; readonly port: number }
  /** One-time token for enrolment; null once enrolled. */
  readonly joinToken: string | null
  /** /usr/lib/berth/<build> */
  readonly installDir: string
  readonly runAs: RunAsSettings & { readonly allow: readonly string[] | null }
  /** Accounts of our own services, which may never run content. */
  readonly serviceAccounts: readonly string[]
  /** Group that claimed sockets and sealed trees are given to. */
  readonly gatewayGroup: string
  /** Applications.Supervisor split into words; empty = none. */
  readonly supervisor: readonly string[]
  readonly homeMounting: boolean
  readonly privateTmp: boolean
  readonly rConfigActive: string
  /** Python.Executable; empty = discover. */
  readonly pythonExecutables: readonly string[]
  /** R.Executable; empty = discover. */
  readonly rExecutables: readonly string[]
  readonly pip: { readonly indexUrl: string | null; readonly extraIndexUrls: readonly string[]; readonly wheelDir: string | null }
}

export interface GatewaySettings {
  readonly listen: { readonly host: string; readonly port: number }
  readonly controlSocket: string
  readonly httpSocket: string
  readonly address: string | null
  /** Addresses or networks whose X-Forwarded-* count. */
  readonly trustedProxies: readonly string[]
  readonly frameOptionsContent: string
  readonly frameOptionsDashboard: string
}
