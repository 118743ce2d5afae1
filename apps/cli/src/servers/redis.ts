// The private Redis: queue and doorbell. Unix socket only, append-only file, nothing is ever evicted (BullMQ needs that).
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import type { Account } from '../host/accounts.js'
import { makeDirectory } from '../host/directories.js'
import { identify } from '../host/process-identity.js'
import type { PrivateServer } from './private-server.js'
import { askRedisForPid } from './redis-dialogue.js'
import { serverEnvironment } from './server-environment.js'

export interface RedisPlace {
  readonly dataDir: string
  readonly runDir: string
  readonly socket: string
  readonly account: Account
  readonly password: string
}

const PROGRAMS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/usr/bin/valkey-server']

export function createPrivateRedis(place: RedisPlace): PrivateServer {
  const data = join(place.dataDir, 'redis')
  const startLogFile = join(place.runDir, 'redis-start.log')

  return {
    name: 'redis',
    stopSignals: ['SIGTERM', 'SIGKILL'],

    async findRunning() {
      const pid = await askRedisForPid(place.socket, place.password)
      return pid === undefined ? undefined : identify(pid)
    },

    async prepare() {
      const isNew = !existsSync(data)
      makeDirectory(data, 0o700, place.account.uid, place.account.gid)
      return isNew ? 'made its directory' : undefined
    },

    start() {
      const program = PROGRAMS.find((path) => existsSync(path))
      if (program === undefined) {
        throw new AppError(
          'unsupported',
          'this host has no Redis server: install the package redis-server (Debian, Ubuntu) or redis',
        )
      }
      const log = openSync(startLogFile, 'w', 0o600)
      try {
        // The configuration comes on stdin: a password on the command line would be everybody's to read.
        const child = spawn(program, ['-'], {
          uid: place.account.uid,
          gid: place.account.gid,
          cwd: '/',
          env: serverEnvironment(),
          detached: true,
          stdio: ['pipe', log, log],
        })
        child.stdin?.on('error', () => {})
        child.stdin?.end(configuration(place, data))
        return child
      } finally {
        closeSync(log)
      }
    },

    isReady: async () => (await askRedisForPid(place.socket, place.password)) !== undefined,
    startLog() {
      try {
        return readFileSync(startLogFile, 'utf8').trim().split('\n').slice(-10).join('\n')
      } catch {
        return ''
      }
    },
    removeSockets: () => rmSync(place.socket, { force: true }),
  }
}

function configuration(place: RedisPlace, data: string): string {
  return [
    'port 0',
    `unixsocket "${place.socket}"`,
    'unixsocketperm 770',
    `dir "${data}"`,
    'appendonly yes',
    'save ""',
    'maxmemory-policy noeviction',
    `requirepass ${place.password}`,
    'loglevel warning',
    'daemonize no',
    '',
  ].join('\n')
}
