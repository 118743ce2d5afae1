// The real control plane as a program of its own, with a database and a Redis of the test's, so that it can be killed at any moment.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { ControlPlaneSettings, PostgresSettings, RedisSettings } from '@berth/config/part-settings.js'
import { CONTROL_PLANE_READY_TIMEOUT_MS, CONTROL_PLANE_STOP_TIMEOUT_MS } from './limits.js'

const DIST = join(import.meta.dirname, '..', '..', '..', 'apps', 'control-plane', 'dist')

export interface ControlPlaneProcess {
  readonly settings: ControlPlaneSettings
  readonly clusterPort: number
  /** What it has logged so far, one JSON object per line. */
  readonly output: { text: string }
  start(): Promise<void>
  /** SIGKILL */
  kill(): Promise<void>
  /** SIGTERM, and the exit code. */
  terminate(): Promise<number | null>
  /** Closes the channel as a starter that died, and the exit code. */
  orphan(): Promise<number | null>
  /** dist/admin.js with these words; throws with its own words when it refuses. */
  admin(words: readonly string[], input?: { readonly password?: string }): Promise<unknown>
  /** Kills it and removes its directories. */
  remove(): Promise<void>
}

export async function prepareControlPlane(
  servers: { readonly postgres: PostgresSettings; readonly redis: RedisSettings },
  change: (settings: ControlPlaneSettings) => ControlPlaneSettings = (settings) => settings,
): Promise<ControlPlaneProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-cp-'))
  for (const name of ['data', 'run']) await mkdir(join(dir, name))
  const port = await freePort()
  const settings = change(defaultSettings(dir, port, servers))
  const output = { text: '' }
  let child: ChildProcess | undefined

  const exited = (process: ChildProcess): Promise<number | null> =>
    process.exitCode !== null || process.signalCode !== null
      ? Promise.resolve(process.exitCode)
      : new Promise((resolve) => process.once('exit', (code) => resolve(code)))
  const end = async (how: (process: ChildProcess) => void): Promise<number | null> => {
    const ending = child
    child = undefined
    if (ending === undefined) return null
    how(ending)
    const timer = setTimeout(() => ending.kill('SIGKILL'), CONTROL_PLANE_STOP_TIMEOUT_MS)
    const code = await exited(ending)
    clearTimeout(timer)
    return code
  }

  return {
    settings,
    clusterPort: port,
    output,
    async start() {
      const started = spawn(process.execPath, ['--enable-source-maps', join(DIST, 'main.js')], {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      })
      child = started
      let ready = false
      for (const stream of [started.stdout, started.stderr]) {
        stream?.on('data', (data: Buffer) => {
          output.text += data.toString()
          if (data.toString().includes('the control plane is ready')) ready = true
        })
      }
      const channel = started.stdio[3] as Writable
      channel.on('error', () => {})
      channel.write(`${JSON.stringify(settings)}\n`)
      const deadline = Date.now() + CONTROL_PLANE_READY_TIMEOUT_MS
      while (!ready) {
        if (started.exitCode !== null || Date.now() > deadline)
          throw new Error(`the control plane did not become ready:\n${output.text.slice(-4096)}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    async kill() {
      await end((process) => process.kill('SIGKILL'))
    },
    terminate: () => end((process) => process.kill('SIGTERM')),
    orphan: () => end((process) => (process.stdio[3] as Writable).end()),
    async admin(words, input = {}) {
      const command = spawn(process.execPath, [join(DIST, 'admin.js'), ...words], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
      const channel = command.stdio[3] as Writable
      channel.on('error', () => {})
      channel.end(`${JSON.stringify(settings)}\n${JSON.stringify(input)}\n`)
      let out = ''
      let err = ''
      command.stdout?.on('data', (data: Buffer) => (out += data.toString()))
      command.stderr?.on('data', (data: Buffer) => (err += data.toString()))
      const code = await new Promise<number | null>((resolve) => command.once('close', resolve))
      if (code !== 0) throw new Error(err.trim())
      return JSON.parse(out) as unknown
    },
    async remove() {
      await end((process) => process.kill('SIGKILL'))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function defaultSettings(
  dir: string,
  port: number,
  servers: { readonly postgres: PostgresSettings; readonly redis: RedisSettings },
): ControlPlaneSettings {
  return {
    dataDir: join(dir, 'data'),
    runDir: join(dir, 'run'),
    httpSocket: join(dir, 'run', 'http.sock'),
    controlSocket: join(dir, 'run', 'control.sock'),
    clusterListen: { host: '127.0.0.1', port },
    postgres: servers.postgres,
    redis: servers.redis,
    address: 'http://berth.example',
    apiVersion: '2026.06.0',
    runAs: { defaultAccount: 'berth', sharedGroup: null, minUid: 1 },
    scheduler: {
      initTimeoutMs: 60_000,
      idleTimeoutMs: 5_000,
      connectionTimeoutMs: 0,
      readTimeoutMs: 0,
      stopGraceMs: 20_000,
      killGraceMs: 10_000,
      minProcesses: 0,
      maxProcesses: 3,
      maxConnsPerProcess: 20,
      loadFactor: 0.5,
      minProcessesLimit: 10,
      maxProcessesLimit: 20,
    },
    bundle: { bytesMax: 1 << 30, unpackedBytesMax: 1 << 30, filesMax: 100_000, ratioMax: 200 },
    retention: { jobsPerContent: 1_000, jobAgeMs: 30 * 24 * 3_600_000, bundlesPerContent: 20, appDirsPerContent: 5 },
    bootstrap: { enabled: false, secretKeyBase64: null },
    authentication: { lifetimeMs: 24 * 3_600_000, inactivityMs: 8 * 3_600_000 },
    defaultServerEnv: true,
    defaultApiKeyEnv: true,
    prohibitedEnvironment: [],
    dashboardDir: join(dir, 'data'),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
