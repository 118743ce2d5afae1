// A Redis of our own for one test file: real, empty, on a Unix socket in a temporary directory, nothing saved, gone afterwards.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisSettings } from '@berth/config/part-settings.js'
import { REDIS_READY_TIMEOUT_MS } from './limits.js'

export interface PrivateRedis {
  readonly settings: Extract<RedisSettings, { kind: 'private' }>
  /** Sends one command of plain words and returns the first line of the answer. */
  command(...words: readonly string[]): Promise<string>
  /** Kills the server as a crash would: what it held is lost. */
  kill(): Promise<void>
  /** Starts it again on the same socket. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** Starts it and waits until it answers. Needs redis-server on the PATH. The server ends with the test process. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-redis-'))
  const socket = join(dir, 'redis.sock')
  const password = randomBytes(16).toString('hex')
  let server: ChildProcess | undefined

  const command = (...words: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const connection = createConnection(socket)
      let answer = ''
      connection.on('error', reject)
      connection.on('connect', () => connection.write(`AUTH ${password}\r\n${words.join(' ')}\r\n`))
      connection.on('data', (data: Buffer) => {
        answer += data.toString()
        const lines = answer.split('\r\n')
        if (lines.length > 2) {
          connection.destroy()
          resolve(lines[1] ?? '')
        }
      })
    })
  const start = async (): Promise<void> => {
    const args = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--requirepass',
      password,
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      dir,
    ]
    const started = spawn('setpriv', ['--pdeathsig=TERM', 'redis-server', ...args], { stdio: 'ignore' })
    server = started
    const deadline = Date.now() + REDIS_READY_TIMEOUT_MS
    for (;;) {
      if (started.exitCode !== null) throw new Error(`redis-server exited with ${started.exitCode}`)
      if ((await command('PING').catch(() => '')) === '+PONG') return
      if (Date.now() > deadline) throw new Error('redis-server did not answer in time')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const kill = async (): Promise<void> => {
    const running = server
    server = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()))
    running.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    settings: { kind: 'private', socket, password },
    command,
    kill,
    start,
    async stop() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
