// The plan of one sandbox: what the launcher does, in the launcher's order. Mirrors the plan keys of
// docs/architecture/contracts.md section 3. The launcher decides nothing; everything is decided when this value is made.

export const PLAN_VERSION = 1

export type MountFlag = 'nosuid' | 'nodev' | 'noexec'

/** One step of building the view; the launcher opens every `from` before it covers anything, then attaches in order. */
export type MountOperation =
  | {
      readonly kind: 'bind'
      readonly access: 'ro' | 'rw'
      readonly flags: readonly MountFlag[]
      readonly from: string
      readonly to: string
      /** Opened with the account's rights: homes on NFS with root_squash or on FUSE refuse root. */
      readonly asUser?: boolean
      /** Skipped when source or target is missing. */
      readonly optional?: boolean
    }
  /** An empty, read-only, root-owned directory or file covers `to`. Directory masks come before file masks. */
  | { readonly kind: 'mask'; readonly to: string; readonly optional?: boolean }
  | {
      readonly kind: 'tmpfs'
      readonly flags: readonly MountFlag[]
      readonly sizeBytes: number
      /** Permission bits, e.g. 0o1777. */
      readonly mode: number
      readonly to: string
    }
  /** procfs of the sandbox's own PID namespace. */
  | { readonly kind: 'proc'; readonly to: string }
  /** POSIX message queues of the sandbox's own IPC namespace. */
  | { readonly kind: 'mqueue'; readonly to: string; readonly optional?: boolean }

export interface ResourceLimit {
  readonly name: 'core' | 'nofile' | 'nproc' | 'fsize' | 'stack' | 'memlock'
  readonly soft: number
  /** Clamped to the hard limit that the launcher itself has. */
  readonly hard: number
}

export interface SandboxPlan {
  readonly id: string
  /** The monitor's state directory: exists, root 0700. */
  readonly runDir: string
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** Leaf directories of cgroup hierarchies, made by the agent. */
  readonly cgroups: readonly string[]
  readonly mounts: readonly MountOperation[]
  readonly workdir: string
  /** Complete, in order; a later duplicate never occurs. */
  readonly env: readonly (readonly [name: string, value: string])[]
  /** The launcher appends what it reads from descriptor 5; names in `env` win. */
  readonly secretEnv: boolean
  /** Regular file opened by root before the mounts; null = /dev/null. */
  readonly stdin: string | null
  /** supervisor… target…; the first word is an absolute path. */
  readonly args: readonly string[]
  /** Per stream; the oldest segment goes beyond it. */
  readonly logBytesMax: number
  readonly umask: number
  readonly limits: readonly ResourceLimit[]
  /** 0 to 1000, best effort: content is to be chosen before the monitors by the kernel's out-of-memory killer. */
  readonly oomScoreAdj: number
}
