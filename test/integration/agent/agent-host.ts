// One host for a test: directories and accounts of its own, the real agent as a process of its own, the real launcher, a simulated control plane.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { AgentSettings } from '@berth/config/part-settings.js'
import { Intent, ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { findLeftovers, listCgroups } from '@berth/testing/leftovers.js'
import { SimControlPlane } from '@berth/testing/sim-control-plane.js'
import { createTestAccounts, type TestAccount, type TestAccounts } from '@berth/testing/test-accounts.js'
import { waitFor } from '@berth/testing/wait-for.js'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const MNT_DIRECTORIES = ['app', 'report', 'tmp', 'R', 'packrat', 'python-environments', 'run']

/** Stands where the start program for WSGI content stands: runs the content's own main.py with the socket's path as its argument. */
const RUN_MAIN = `import runpy, sys
sys.argv = ['main.py', sys.argv[sys.argv.index('--socket') + 1]]
runpy.run_path('main.py', run_name='__main__')
`

/** Listens on its socket and answers every connection with its pid, a space and its account's uid. */
export const ANSWERING = `import os, socket, sys, signal
signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))
print('hello from', os.getuid(), flush=True)
print('careful', file=sys.stderr, flush=True)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
while True:
    c, _ = s.accept()
    try: c.sendall(f'{os.getpid()} {os.getuid()}'.encode())
    except OSError: pass
    c.close()
`

export class AgentHost {
  readonly tag: string
  readonly sim: SimControlPlane
  readonly accounts: TestAccounts
  readonly dirs: {
    readonly base: string
    readonly dataDir: string
    readonly runDir: string
    readonly tempDir: string
    readonly stateDir: string
    readonly installDir: string
  }
  readonly pythonVersion: string
  readonly #cgroupsBefore = listCgroups()
  #agent: ChildProcess | undefined
  #exited: Promise<number> = Promise.resolve(0)
  #content = 0n

  private constructor(tag: string, sim: SimControlPlane, accounts: TestAccounts) {
    this.tag = tag
    this.sim = sim
    this.accounts = accounts
    const base = `/var/lib/${tag}`
    this.dirs = {
      base,
      dataDir: join(base, 'data'),
      runDir: `/run/${tag}`,
      tempDir: join(base, 'temp'),
      stateDir: join(base, 'state'),
      installDir: join(base, 'install'),
    }
    this.pythonVersion = execFileSync('/usr/bin/python3', ['--version'], { encoding: 'utf8' }).trim().split(' ')[1] ?? ''
  }

  /** Needs root. The agent is not started yet. */
  static async create(): Promise<AgentHost> {
    execFileSync('make', ['-s', '-C', join(ROOT, 'packages/launcher')], { stdio: 'inherit' })
    const host = new AgentHost(
      `berth-t${randomBytes(3).toString('hex')}`,
      await SimControlPlane.start(),
      await createTestAccounts(),
    )
    const { base, dataDir, runDir, tempDir, installDir } = host.dirs
    for (const dir of [base, dataDir, runDir, tempDir]) mkdirSync(dir, { mode: 0o711 })
    for (const name of MNT_DIRECTORIES) mkdirSync(`/opt/berth/mnt/${name}`, { recursive: true, mode: 0o755 })
    mkdirSync(join(installDir, 'libexec'), { recursive: true, mode: 0o755 })
    mkdirSync(join(installDir, 'share/python'), { recursive: true, mode: 0o755 })
    copyFileSync(join(ROOT, 'packages/launcher/build/launcher'), join(installDir, 'libexec/launcher'))
    chmodSync(join(installDir, 'libexec/launcher'), 0o755)
    writeFileSync(join(installDir, 'share/python/serve_wsgi.py'), RUN_MAIN, { mode: 0o644 })
    return host
  }

  settings(some: Partial<AgentSettings> = {}): AgentSettings {
    return {
      ...this.dirs,
      configDirs: [],
      sqliteDir: null,
      controlPlane: { host: '127.0.0.1', port: this.sim.port },
      joinToken: this.sim.token,
      runAs: { defaultAccount: this.accounts.standard.name, sharedGroup: null, minUid: 100, allow: null },
      serviceAccounts: [this.accounts.member.name],
      gatewayGroup: this.accounts.outsider.name,
      supervisor: [],
      homeMounting: false,
      privateTmp: true,
      rConfigActive: 'rsconnect',
      pythonExecutables: ['/usr/bin/python3'],
      rExecutables: ['/nonexistent/R'],
      pip: { indexUrl: null, extraIndexUrls: [], wheelDir: null },
      ...some,
    }
  }

  get agentPid(): number {
    return this.#agent?.pid ?? 0
  }

  /** Starts the agent and waits for its Hello. */
  async startAgent(some: Partial<AgentSettings> = {}): Promise<void> {
    const hellos = this.sim.hellos.length
    this.launchAgent(some)
    await waitFor('Hello of the agent', () => this.sim.hellos.length > hellos && this.sim.isConnected)
  }

  launchAgent(some: Partial<AgentSettings> = {}): void {
    const log = openSync(join(this.dirs.base, 'agent.log'), 'a')
    const agent = spawn(process.execPath, [join(ROOT, 'apps/agent/dist/main.js')], { stdio: ['ignore', log, log, 'pipe'] })
    const lifeline = agent.stdio[3] as Writable
    lifeline.on('error', () => undefined)
    lifeline.write(`${JSON.stringify(this.settings(some))}\n`)
    this.#agent = agent
    this.#exited = new Promise((resolve) => agent.on('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 128)))
  }

  /** SIGKILL: no chance to say or write anything. */
  async killAgent(): Promise<void> {
    this.#agent?.kill('SIGKILL')
    await this.#exited
  }

  tellAgent(command: object): void {
    this.#lifeline().write(`${JSON.stringify(command)}\n`)
  }

  /** End of the lifeline, as when its starter was killed. */
  letGoOfAgent(): void {
    this.#lifeline().end()
  }

  #lifeline(): Writable {
    if (this.#agent === undefined) throw new Error('start the agent first')
    return this.#agent.stdio[3] as Writable
  }

  agentExit(): Promise<number> {
    return this.#exited
  }

  agentLog(): string {
    return readFileSync(join(this.dirs.base, 'agent.log'), 'utf8')
  }

  /** An application directory of its own with this main.py. Returns content and bundle for a spec. */
  deploy(main: string, owner: TestAccount = this.accounts.standard): { guid: string; contentId: bigint; bundleId: bigint } {
    this.#content += 1n
    const content = { guid: crypto.randomUUID(), contentId: this.#content, bundleId: 1n }
    const dir = this.appDir(content)
    mkdirSync(join(this.dirs.dataDir, 'apps'), { recursive: true, mode: 0o711 })
    mkdirSync(dirname(dir), { mode: 0o711 })
    mkdirSync(dir, { mode: 0o700 })
    writeFileSync(join(dir, 'main.py'), main, { mode: 0o600 })
    for (const path of [dir, join(dir, 'main.py')]) chownSync(path, owner.uid, owner.gid)
    return content
  }

  appDir(content: { contentId: bigint; bundleId: bigint }): string {
    return join(this.dirs.dataDir, 'apps', content.contentId.toString(), content.bundleId.toString())
  }

  spec(some: Record<string, unknown> = {}): ProcessSpec {
    return ProcessSpec.fromPartial({
      processId: uuidv7(),
      fence: 1n,
      key: 'k'.repeat(16),
      intent: Intent.RUN,
      runAs: this.accounts.standard.name,
      stop: { stopGraceMs: 2_000, killGraceMs: 2_000 },
      ...some,
    })
  }

  /** A serving process of content that runs this main.py. */
  serving(main: string, some: Record<string, unknown> = {}, owner?: TestAccount): ProcessSpec {
    const value = {
      appMode: 'python-api',
      entrypoint: '',
      pythonVersion: this.pythonVersion,
      environmentHash: '',
      rVersion: '',
      initTimeoutMs: 15_000,
    }
    const { work, ...rest } = some as { work?: object }
    return this.spec({ content: this.deploy(main, owner), work: { $case: 'serve', value: { ...value, ...work } }, ...rest })
  }

  claimed(spec: ProcessSpec): string {
    return join(this.dirs.runDir, 'claimed', `${spec.processId}.sock`)
  }

  runDirOf(spec: ProcessSpec): string {
    return join(this.dirs.stateDir, 'runs', spec.processId)
  }

  /** What is left on the host of this Berth, beside what outlives content. */
  leftovers(): string[] {
    const { standard, primary } = this.accounts
    return findLeftovers({
      dirs: [this.dirs.base, this.dirs.runDir],
      uids: [standard.uid, primary.uid],
      cgroupsBefore: this.#cgroupsBefore,
    })
  }

  async destroy(): Promise<void> {
    if (this.#agent !== undefined && this.#agent.exitCode === null && this.#agent.signalCode === null) {
      this.sim.acknowledges = true
      this.tellAgent({ stop: 'content' })
      await Promise.race([this.#exited, new Promise((resolve) => setTimeout(resolve, 20_000).unref())])
      this.#agent.kill('SIGKILL')
    }
    await this.sim.hangUp().catch(() => undefined)
    await this.accounts.remove()
    for (const dir of [this.dirs.base, this.dirs.runDir]) if (existsSync(dir)) rmSync(dir, { recursive: true, force: true })
  }
}

/** Everything that is sent on one connection to a Unix socket. */
export function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const connection = createConnection({ path })
    connection.setEncoding('utf8')
    connection.on('data', (piece) => {
      text += piece
    })
    connection.on('error', reject)
    connection.on('end', () => resolve(text))
  })
}

let lastId = 0

/** Version 7: in order of time, and here in order of making. */
export function uuidv7(): string {
  lastId += 1
  const time = Date.now().toString(16).padStart(12, '0')
  const order = lastId.toString(16).padStart(3, '0')
  const random = randomBytes(8).toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-8${random.slice(0, 3)}-${random.slice(3, 15)}`
}
