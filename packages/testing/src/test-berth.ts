// A whole Berth of a test's own: installed build, own directories, ports and accounts, started as an administrator starts it.
// Promises: nothing is shared with another Berth of the host, and `stop` fails when anything is left behind.
// Leaves to the test command: installing the build (/usr/lib/berth/current) before the tests run.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findLeftovers, listCgroups } from './leftovers.js'
import { BERTH_LOG_TAIL_BYTES, BERTH_READY_TIMEOUT_MS, BERTH_STOP_TIMEOUT_MS, LEFTOVERS_TIMEOUT_MS } from './limits.js'
import { descendantsOf, type HostProcess, isAlive, listProcesses, readProcess } from './process-table.js'
import { RestClient } from './rest-client.js'
import { createTestAccounts, type TestAccounts } from './test-accounts.js'
import { noteTag } from './test-run.js'
import { waitFor } from './wait-for.js'

export const BERTH_COMMAND = '/usr/lib/berth/current/bin/berth'

export type PartProcess = 'control-plane' | 'agent' | 'gateway' | 'postgres' | 'redis'

export interface TestBerthOptions {
  /** Publish the samples at the first start (default false). */
  readonly samples?: boolean
  /** Base64 of the bootstrap secret; then the installation is left unprovisioned. */
  readonly bootstrapSecret?: string
  /** More lines of the configuration file: section → name → value or values. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
  /** Name the directory for temporary files in TMPDIR instead of Server.TempDir. */
  readonly withoutTempDir?: boolean
  /** Flags after `berth up --config FILE`. */
  readonly flags?: readonly string[]
}

/** Everything that another test process needs to use the same Berth. */
export interface BerthRecord {
  readonly name: string
  readonly dirs: {
    readonly data: string
    readonly run: string
    readonly temp: string
    readonly agent: string
    readonly config: string
  }
  readonly port: number
  readonly accounts: Omit<TestAccounts, 'remove'>
  readonly flags: readonly string[]
  /** `berth up` itself, and the shell that is its parent. */
  up: Pick<HostProcess, 'pid' | 'startTime'> | null
  shell: Pick<HostProcess, 'pid' | 'startTime'> | null
  readonly cgroupsBefore: readonly string[]
}

export class TestBerth {
  readonly record: BerthRecord
  readonly accounts: TestAccounts
  readonly address: string
  readonly #environment: Readonly<Record<string, string>>

  private constructor(record: BerthRecord, accounts: TestAccounts, environment: Readonly<Record<string, string>>) {
    this.record = record
    this.accounts = accounts
    this.#environment = environment
    this.address = `http://127.0.0.1:${record.port}`
  }

  /** Makes accounts, directories and configuration, starts `berth up` and waits for its ready line. Must run as root. */
  static async start(options: TestBerthOptions = {}): Promise<TestBerth> {
    const berth = await TestBerth.prepare(options)
    await berth.up()
    return berth
  }

  /** The same without starting it. */
  static async prepare(options: TestBerthOptions = {}): Promise<TestBerth> {
    if (!existsSync(BERTH_COMMAND))
      throw new Error(`${BERTH_COMMAND} is not installed: run the test command, which installs the build`)
    const accounts = await createTestAccounts()
    // Short: the path of a Unix socket has at most 107 bytes.
    const name = `bt-${randomBytes(3).toString('hex')}`
    noteTag(name)
    const dirs = {
      data: `/var/lib/${name}`,
      agent: `/var/lib/${name}-agent`,
      run: `/run/${name}`,
      temp: `/tmp/${name}`,
      config: `/etc/${name}`,
    }
    mkdirSync(dirs.config, { mode: 0o700 })
    mkdirSync(dirs.temp)
    chmodSync(dirs.temp, 0o1777)
    const port = await freePort()
    const flags = options.flags ?? (options.samples === true ? [] : ['--no-samples'])
    const { remove: _, ...plain } = accounts
    const record: BerthRecord = { name, dirs, port, accounts: plain, flags, up: null, shell: null, cgroupsBefore: listCgroups() }
    const settings = merge(
      {
        Server: {
          DataDir: dirs.data,
          RunDir: dirs.run,
          Address: `http://127.0.0.1:${port}`,
          ...(options.withoutTempDir === true ? {} : { TempDir: dirs.temp }),
        },
        HTTP: { Listen: `127.0.0.1:${port}` },
        Cluster: { Listen: `127.0.0.1:${await freePort()}` },
        Agent: { StateDir: dirs.agent },
        Applications: { RunAs: accounts.standard.name, SharedRunAsUnixGroup: accounts.group },
      },
      options.bootstrapSecret === undefined ? {} : { Bootstrap: { Enabled: 'true', SecretKey: options.bootstrapSecret } },
      options.settings ?? {},
    )
    writeFileSync(join(dirs.config, 'berth.gcfg'), formatSettings(settings), { mode: 0o600 })
    return new TestBerth(record, accounts, options.withoutTempDir === true ? { TMPDIR: dirs.temp } : {})
  }

  /** Another test process's Berth; `remove` and `stop` work from here too. */
  static attach(record: BerthRecord, accounts: TestAccounts): TestBerth {
    return new TestBerth(record, accounts, {})
  }

  get configFile(): string {
    return join(this.record.dirs.config, 'berth.gcfg')
  }

  get logFile(): string {
    return join(this.record.dirs.config, 'up.log')
  }

  /** Starts `berth up` and waits for its ready line. May be called again after it ended. */
  async up(flags: readonly string[] = this.record.flags): Promise<void> {
    const started = await this.spawnUp(flags)
    await waitFor(
      'the ready line of berth up',
      () => started.exitCode() !== null || READY_LINE.test(this.log()),
      BERTH_READY_TIMEOUT_MS,
    ).catch((cause) => {
      throw new Error(`berth up did not become ready; its log ends:\n${this.logTail()}`, { cause })
    })
    if (started.exitCode() !== null)
      throw new Error(`berth up ended with ${started.exitCode()}; its log ends:\n${this.logTail()}`)
  }

  /** Only starts it: for tests about starts that fail. Its output goes to `logFile`. */
  async spawnUp(flags: readonly string[] = this.record.flags): Promise<{ exitCode(): number | null }> {
    const log = openSync(this.logFile, 'w')
    // Test processes come and go while a shared Berth stays, so its parent is a shell of its own, in a session of its own: Ctrl-C at
    // the tests is not Ctrl-C at this Berth.
    const shell = spawn('sh', ['-c', '"$@"; exit $?', 'sh', BERTH_COMMAND, 'up', '--config', this.configFile, ...flags], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...withoutBerthVariables(process.env), ...this.#environment },
    })
    closeSync(log)
    shell.unref()
    const { pid } = shell
    if (pid === undefined) throw new Error('no shell could be started')
    const up = await waitFor(
      'berth up to be a process',
      () => shell.exitCode !== null || listProcesses().find((one) => one.ppid === pid),
    )
    const wrapper = readProcess(pid)
    this.record.up = up === true ? null : { pid: up.pid, startTime: up.startTime }
    this.record.shell = wrapper === undefined ? null : { pid, startTime: wrapper.startTime }
    return { exitCode: () => shell.exitCode }
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  logTail(): string {
    return this.log().slice(-BERTH_LOG_TAIL_BYTES)
  }

  /** Key of the administrator of DataDir/administrator.txt. */
  get adminKey(): string {
    const text = readFileSync(join(this.record.dirs.data, 'administrator.txt'), 'utf8')
    const key = /^api key: (\w{32})$/m.exec(text)?.[1]
    if (key === undefined) throw new Error(`no API key in administrator.txt`)
    return key
  }

  /** Name and password of the first administrator, as its file says them. */
  get admin(): { name: string; password: string } {
    const text = readFileSync(join(this.record.dirs.data, 'administrator.txt'), 'utf8')
    const name = /^name: (\S+)$/m.exec(text)?.[1]
    const password = /^password: (\S+)$/m.exec(text)?.[1]
    if (name === undefined || password === undefined) throw new Error('administrator.txt lacks a name or a password')
    return { name, password }
  }

  /** REST as the first administrator, or with the given key. */
  rest(key: string | null = this.adminKey): RestClient {
    return new RestClient(this.address, key)
  }

  /** The parts that run now: children of `berth up`. */
  parts(): Partial<Record<PartProcess, HostProcess>> {
    const found: Partial<Record<PartProcess, HostProcess>> = {}
    const { up } = this.record
    if (up === null) return found
    for (const one of descendantsOf(up.pid)) {
      const line = one.argv.join(' ')
      const part = PART_PATTERNS.find(([, pattern]) => pattern.test(line))?.[0]
      if (part !== undefined) found[part] ??= one
    }
    return found
  }

  part(name: PartProcess): HostProcess {
    const found = this.parts()[name]
    if (found === undefined) throw new Error(`no ${name} runs under berth up`)
    return found
  }

  /** Waits for a part that is another process than `before`. */
  async partAfter(name: PartProcess, before: HostProcess): Promise<HostProcess> {
    return waitFor(`a new ${name}`, () => {
      const now = this.parts()[name]
      return now !== undefined && (now.pid !== before.pid || now.startTime !== before.startTime) ? now : undefined
    })
  }

  /** Ends `berth up` with SIGINT, as Ctrl-C does, and waits; throws when it does not end or when anything of it is left. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    const { up } = this.record
    if (up !== null && isAlive(up)) {
      process.kill(up.pid, signal)
      await waitFor('berth up to end', () => !isAlive(up), BERTH_STOP_TIMEOUT_MS).catch((cause) => {
        throw new Error(`berth up did not end; its log ends:\n${this.logTail()}`, { cause })
      })
    }
    const { shell } = this.record
    if (shell !== null) await waitFor('its shell to end', () => !isAlive(shell))
    this.record.up = null
    this.record.shell = null
    // A Berth beside this one may be between making a leaf and using it: what is there for good is left behind.
    await waitFor('nothing to be left', () => this.leftovers().length === 0, LEFTOVERS_TIMEOUT_MS).catch(() => {})
    const left = this.leftovers()
    if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}\nthe log ends:\n${this.logTail()}`)
  }

  leftovers(): string[] {
    const { dirs, accounts, cgroupsBefore } = this.record
    return findLeftovers({
      dirs: Object.values(dirs),
      uids: [accounts.standard.uid, accounts.primary.uid, accounts.member.uid, accounts.outsider.uid],
      cgroupsBefore,
    })
  }

  /** Directories and accounts go; call it after `stop`, also when that failed. */
  async remove(): Promise<void> {
    for (const dir of Object.values(this.record.dirs)) rmSync(dir, { recursive: true, force: true })
    await this.accounts.remove()
  }
}

export const READY_LINE = /Berth .*ready.*https?:\/\/\S+/i

const PART_PATTERNS: readonly (readonly [PartProcess, RegExp])[] = [
  ['control-plane', /apps\/control-plane\/dist\/main\.js/],
  ['agent', /apps\/agent\/dist\/main\.js/],
  ['gateway', /apps\/gateway\/dist\/main\.js/],
  ['postgres', /\/postgres -D /],
  ['redis', /redis-server/],
]

type Settings = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

function merge(...all: readonly Settings[]): Settings {
  const merged: Record<string, Record<string, string | readonly string[]>> = {}
  for (const settings of all) {
    for (const [section, values] of Object.entries(settings)) merged[section] = { ...merged[section], ...values }
  }
  return merged
}

function formatSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([section, values]) => {
      const lines = Object.entries(values).flatMap(([name, value]) =>
        (typeof value === 'string' ? [value] : value).map((one) => `${name} = ${JSON.stringify(one)}`),
      )
      return `[${section}]\n${lines.join('\n')}\n`
    })
    .join('\n')
}

/** Settings of another Berth in the environment must not reach this one. */
function withoutBerthVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(BERTH|CONNECT|VITEST)_|^(DATABASE|REDIS)_URL$|^NODE_/.test(name)),
  )
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
