// The private Redis of a single host: a Unix socket, an append-only file, no eviction (BullMQ needs that). Like the private
// PostgreSQL it outlives whoever started it and is taken over by the next start.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import type { Account } from '../accounts.js'
import { REDIS_START_MS_MAX, REDIS_STOP_MS_MAX } from '../limits.js'
import { waitUntil } from '../wait-until.js'
import { commandLine, isAlive } from './process-identity.js'

export interface PrivateRedis {
  readonly dataDir: string // DataDir/redis
  readonly socket: string
  readonly account: Account
  readonly password: string
}

const BINARIES = ['/usr/bin/redis-server', '/usr/bin/valkey-server']

/** Starts it, or takes over the one that runs. */
export async function startRedis(store: PrivateRedis): Promise<'started' | 'taken over'> {
  if (runningPid(store) !== undefined && (await answers(store))) return 'taken over'
  rmSync(store.socket, { force: true })
  const binary = BINARIES.find((path) => existsSync(path))
  if (binary === undefined) {
    throw new AppError('unavailable', 'no Redis server is installed: install the package redis-server, or set Redis.URL')
  }
  const server = spawn(binary, ['-'], {
    uid: store.account.uid,
    gid: store.account.gid,
    cwd: store.dataDir,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  let exit: string | undefined
  server.on('error', (error) => (exit = error.message))
  server.on('exit', (code, signal) => (exit = `it ended with ${code ?? signal}`))
  // By stdin, so that the password stands in no command line and no file.
  server.stdin?.end(configuration(store))
  server.unref()
  await waitUntil('Redis to accept connections', REDIS_START_MS_MAX, async () => {
    if (exit !== undefined) {
      throw new AppError('unavailable', `the private Redis does not start: ${exit}; see ${join(store.dataDir, 'server.log')}`)
    }
    return (await answers(store)) ? true : undefined
  })
  return 'started'
}

export async function stopRedis(store: PrivateRedis): Promise<void> {
  const pid = runningPid(store)
  if (pid === undefined) return
  process.kill(pid, 'SIGTERM')
  await waitUntil('Redis to stop', REDIS_STOP_MS_MAX, () => (isAlive(pid) ? undefined : true))
}

function configuration(store: PrivateRedis): string {
  return [
    'port 0',
    `unixsocket ${store.socket}`,
    'unixsocketperm 770',
    `dir ${store.dataDir}`,
    'appendonly yes',
    'save ""',
    'maxmemory-policy noeviction',
    `requirepass ${store.password}`,
    `pidfile ${join(store.dataDir, 'server.pid')}`,
    `logfile ${join(store.dataDir, 'server.log')}`,
    'daemonize no',
    '',
  ].join('\n')
}

/** Our Redis shows its socket in its title. */
function runningPid(store: PrivateRedis): number | undefined {
  let pid: number
  try {
    pid = Number(readFileSync(join(store.dataDir, 'server.pid'), 'utf8'))
  } catch {
    return undefined
  }
  return isAlive(pid) && commandLine(pid).includes(`unixsocket:${store.socket}`) ? pid : undefined
}

function answers(store: PrivateRedis): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(store.socket)
    let heard = ''
    socket.on('connect', () => socket.write(`AUTH ${store.password}\r\nPING\r\n`))
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      if (heard.includes('PONG') || heard.includes('-')) socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(heard.includes('PONG')))
  })
}
