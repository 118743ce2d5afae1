// Drives the real launcher as the agent does: plan on descriptor 3, events on 4, secrets on 5, a run directory of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { encodePlan, encodeSecretEnv } from '@berth/sandbox-plan/encode.js'
import type { SandboxPlan } from '@berth/sandbox-plan/plan.js'
import { waitFor } from '@berth/testing/wait-for.js'

const LAUNCHER_DIR = join(dirname(fileURLToPath(import.meta.url)), '../../packages/launcher')

/** The same tests run with the hardened build and with the sanitizers' build. */
export const LAUNCHERS = {
  hardened: join(LAUNCHER_DIR, 'build/launcher'),
  sanitized: join(LAUNCHER_DIR, 'build/asan/launcher'),
} as const
export type LauncherBuild = keyof typeof LAUNCHERS

/** make does nothing when the sources did not change. */
export function buildLauncher(build: LauncherBuild): string {
  execFileSync('make', ['-s', '-C', LAUNCHER_DIR, build === 'hardened' ? 'all' : 'asan'], { stdio: 'inherit' })
  return LAUNCHERS[build]
}

export type LauncherEvent =
  | { readonly event: 'mounted'; readonly us: number }
  | {
      readonly event: 'started'
      readonly pid: number
      readonly init: number
      readonly monitor: number
      readonly start_time: number
      readonly us: number
    }
  | ExitedEvent
  | { readonly event: 'closed' }

export interface ExitedEvent {
  readonly event: 'exited'
  readonly code: number
  readonly signal: number
  readonly reason: 'exited' | 'signal' | 'oom' | 'setup' | 'exec'
  readonly step?: string
  readonly errno?: number
  readonly message?: string
}

export interface ExitRecord extends ExitedEvent {
  readonly stdout_bytes: number
  readonly stderr_bytes: number
}

export interface RunningLauncher {
  readonly child: ChildProcess
  readonly runDir: string
  readonly events: readonly LauncherEvent[]
  /** Resolves with the event, fails when the launcher ends without it. */
  event<Name extends LauncherEvent['event']>(name: Name): Promise<Extract<LauncherEvent, { event: Name }>>
  /** Exit status of the monitor as its parent sees it. */
  readonly exitCode: Promise<number>
  complaints(): string
}

export interface LaunchOptions {
  readonly binary: string
  readonly plan: SandboxPlan | Buffer
  readonly runDir: string
  readonly secretEnv?: Readonly<Record<string, string>>
  /** Descriptors that the launcher inherits from number 6 on. */
  readonly strayDescriptors?: readonly number[]
}

export function launch(options: LaunchOptions): RunningLauncher {
  const child = spawn(options.binary, [], {
    argv0: 'launcher',
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...(options.strayDescriptors ?? [])],
  })
  const events: LauncherEvent[] = []
  let complaints = ''
  let partial = ''
  const stream = (number: number): Readable & Writable => child.stdio[number] as Readable & Writable
  stream(2).on('data', (bytes: Buffer) => {
    complaints += bytes.toString()
  })
  stream(4).on('data', (bytes: Buffer) => {
    const lines = (partial + bytes.toString()).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) events.push(JSON.parse(line) as LauncherEvent)
  })
  for (const number of [3, 5]) stream(number).on('error', () => {}) // it may refuse before it has read everything
  stream(3).end(Buffer.isBuffer(options.plan) ? options.plan : encodePlan(options.plan))
  stream(5).end(encodeSecretEnv(options.secretEnv ?? {}))
  let ended = false
  const exitCode = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      ended = true
      resolve(code ?? -(signal === null ? 0 : 1))
    })
  })
  return {
    child,
    runDir: options.runDir,
    events,
    exitCode,
    complaints: () => complaints,
    event: async (name) => {
      const find = (): LauncherEvent | undefined => events.find((event) => event.event === name)
      const found = await waitFor(`launcher event ${name}`, () => find() ?? (ended ? { event: 'none' as const } : undefined))
      if (found.event === 'none') throw new Error(`launcher ended without ${name}: ${JSON.stringify(events)} ${complaints}`)
      return found as never
    },
  }
}

/** What the sandboxed process wrote, all kept segments joined. */
export function readLog(runDir: string, name: 'stdout' | 'stderr'): string {
  return logSegments(runDir, name)
    .map((file) => readFileSync(join(runDir, file), 'utf8'))
    .join('')
}

export function logSegments(runDir: string, name: 'stdout' | 'stderr'): string[] {
  return readdirSync(runDir)
    .filter((file) => file.startsWith(`${name}.`))
    .sort()
}

export function readExitRecord(runDir: string): ExitRecord {
  return JSON.parse(readFileSync(join(runDir, 'status'), 'utf8')) as ExitRecord
}

/** A conversation over the control socket of one monitor. */
export class ControlConnection implements AsyncDisposable {
  readonly lines: string[] = []
  private readonly socket: Socket
  private partial = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      const lines = (this.partial + bytes.toString()).split('\n')
      this.partial = lines.pop() ?? ''
      this.lines.push(...lines)
    })
    socket.on('error', () => {})
  }

  static async open(runDir: string): Promise<ControlConnection> {
    const socket = connect(join(runDir, 'ctl'))
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new ControlConnection(socket)
  }

  send(line: string): void {
    this.socket.write(`${line}\n`)
  }

  async ask(line: string): Promise<string> {
    const before = this.lines.length
    this.send(line)
    return await waitFor(`answer to ${line}`, () => this.lines[before])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
  }
}

/** A root-owned tree for one test file: run directories, places to mount on, a directory of secrets to mask. */
export class LauncherScene {
  readonly root: string
  /** Masked by the base plan; holds `secret.txt`. */
  readonly data: string
  readonly account: { readonly uid: number; readonly gid: number; readonly gids?: readonly number[] }
  private count = 0

  constructor(account: { readonly uid: number; readonly gid: number; readonly gids?: readonly number[] }) {
    this.account = account
    // Not below /tmp: plans cover it with a private one.
    mkdirSync('/var/lib/berth-launcher-tests', { recursive: true, mode: 0o711 })
    this.root = mkdtempSync('/var/lib/berth-launcher-tests/scene-')
    chmodSync(this.root, 0o711)
    this.data = this.directory('data', 0o755)
  }

  path(name: string): string {
    return join(this.root, name)
  }

  /** A directory below the scene; owner: the account or root. */
  directory(name: string, mode: number, owner: 'root' | 'account' = 'root'): string {
    const path = this.path(name)
    mkdirSync(path, { recursive: true })
    chmodSync(path, mode)
    if (owner === 'account') chownSync(path, this.account.uid, this.account.gid)
    return path
  }

  /** The smallest useful sandbox around a command; a new run directory each time. */
  plan(args: readonly string[], change: Partial<SandboxPlan> = {}): SandboxPlan {
    this.count += 1
    const id = `t${this.count}`
    const shm = { kind: 'tmpfs', flags: ['nosuid', 'nodev'], sizeBytes: 1 << 24, mode: 0o1777, to: '/dev/shm' } as const
    return {
      id,
      runDir: this.directory(`runs/${id}`, 0o700),
      uid: this.account.uid,
      gid: this.account.gid,
      groups: this.account.gids ?? [this.account.gid],
      cgroups: [],
      mounts: [{ kind: 'mask', to: this.data }, shm, { kind: 'proc', to: '/proc' }],
      workdir: '/',
      env: [['PATH', '/usr/bin:/bin']],
      secretEnv: false,
      stdin: null,
      args,
      logBytesMax: 4 << 20,
      umask: 0o077,
      limits: [],
      oomScoreAdj: 0,
      ...change,
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
    const parent = dirname(this.root)
    if (existsSync(parent) && readdirSync(parent).length === 0) rmSync(parent, { recursive: true })
  }
}

/** Starts, waits for the end, and gives back all that is to be seen from outside. */
export async function runToEnd(
  binary: string,
  plan: SandboxPlan,
  options: Omit<LaunchOptions, 'binary' | 'plan' | 'runDir'> = {},
): Promise<{
  readonly code: number
  readonly exited: ExitedEvent
  readonly stdout: string
  readonly stderr: string
  readonly runDir: string
}> {
  const running = launch({ ...options, binary, plan, runDir: plan.runDir })
  const code = await running.exitCode
  const exited = await running.event('exited')
  return { code, exited, stdout: readLog(plan.runDir, 'stdout'), stderr: readLog(plan.runDir, 'stderr'), runDir: plan.runDir }
}
