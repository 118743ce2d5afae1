import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'

/** What a process is to do, as the control plane asked for it and with the account resolved by the agent. */
export interface SandboxSpec {
  /** UUID; names run directory, cgroup and log. */
  readonly processId: string
  readonly work: SandboxWork
  /** null for work that belongs to no content (environment restore). */
  readonly content: { readonly guid: string; readonly contentId: string; readonly bundleId: string } | null
  readonly user: UnixUser
  /** Not secret; the product's own variables win over these (plan-env). */
  readonly env: Readonly<Record<string, string>>
  /** The agent will write secret variables to the launcher's descriptor 5. */
  readonly hasSecretEnv: boolean
  /** Names of those variables: defaults of ours that content may override give way to them. */
  readonly secretNames?: readonly string[]
  /** Applications.Supervisor split into words; empty = none. */
  readonly supervisor: readonly string[]
  readonly homeMounting: boolean
  readonly privateTmp: boolean
  /** Applications.RConfigActive */
  readonly rConfigActive: string
}

export type SandboxWork =
  | {
      readonly kind: 'serve'
      readonly appMode: 'python-api' | 'shiny'
      /** module:object for Python; empty where the mode needs none. */
      readonly entrypoint: string
      readonly pythonVersion?: string
      /** Of DataDir/python-environments/pip/<version>/<hash>; absent = the interpreter itself. */
      readonly environmentHash?: string
      readonly rVersion?: string
    }
  | {
      readonly kind: 'unpack'
      /** On the host, readable by root: becomes standard input. */
      readonly archivePath: string
      readonly stripComponents: number
    }
  | {
      readonly kind: 'restore-python'
      readonly pythonVersion: string
      readonly environmentHash: string
      /** On the host: holds pip/<version>/<hash>, all root's but the leaf, which is the account's. */
      readonly stagingDir: string
      /** On the host, readable by root: becomes standard input. */
      readonly requirementsPath: string
      readonly pip?: {
        readonly indexUrl: string | null
        readonly extraIndexUrls: readonly string[]
        readonly wheelDir: string | null
      }
    }

/**
 * What the agent found on its host. All paths absolute, without symbolic links (realpath): the launcher follows none.
 */
export interface SandboxFacts {
  readonly dirs: {
    readonly dataDir: string
    readonly tempDir: string
    readonly runDir: string
    readonly stateDir: string
    /** /usr/lib/berth/<build> */
    readonly installDir: string
    readonly configDirs: readonly string[]
    readonly sqliteDir: string | null
  }
  /** StateDir/runs/<process id>: the monitor's own. */
  readonly processDir: string
  /** RunDir/p/<process id>: bound at MNT/run; the account's, 0700. */
  readonly socketDir: string
  /**
   * Bound at MNT/app: DataDir/apps/XX/YY for serve; for unpack a fresh directory beside it, YY.tmp-<process id>, which the agent
   * renames to YY after exit 0, so that a half unpacked tree is never served. null without content.
   */
  readonly appDir: string | null
  /** TempDir/berth-workspaces/<process id>/{tmp,private-tmp,private-var-tmp} */
  readonly workspace: { readonly tmp: string; readonly privateTmp: string; readonly privateVarTmp: string }
  /** Executable of the chosen Python on this host; null when the work needs none. */
  readonly pythonExecutable: string | null
  /** Executable (front end) of the chosen R; null when the work needs none. */
  readonly rExecutable: string | null
  /** Those of OPTIONAL_MASKS that exist on this host. */
  readonly presentMasks: readonly string[]
  /** The account's home exists and is a directory. */
  readonly homeExists: boolean
  /** /dev/mqueue exists. */
  readonly hasMqueue: boolean
  /** Leaf directories made for this process. */
  readonly cgroups: readonly string[]
}

export type SandboxRefusal =
  | 'root'
  | 'no_content'
  | 'no_interpreter'
  | 'bad_entrypoint'
  | 'bad_value'
  | 'bad_path'
  | 'bad_supervisor'
