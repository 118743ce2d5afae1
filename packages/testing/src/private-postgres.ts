// A PostgreSQL server of our own for one test file: real, empty, on a Unix socket in a temporary directory, gone afterwards.
// It promises nothing about durability (fsync is off) and never touches a server that it did not make.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PostgresSettings } from '@berth/config/part-settings.js'
import postgres from 'postgres'
import { POSTGRES_READY_TIMEOUT_MS, POSTGRES_STOP_TIMEOUT_MS } from './limits.js'

const run = promisify(execFile)
const SUPERUSER = 'berth'
/** Accounts that may own the server when the tests run as root: PostgreSQL refuses root. */
const ACCOUNTS = ['postgres', 'berth-db', 'nobody'] as const

export interface PrivatePostgres {
  readonly socketDir: string
  /** A new empty database and how to reach it, in the shape that the control plane is given. */
  createDatabase(): Promise<Extract<PostgresSettings, { kind: 'private' }>>
  /** Ends every connection, the server and its directory. */
  stop(): Promise<void>
}

/**
 * Starts it and waits until it answers. Needs PostgreSQL's server programs (Debian: postgresql; RHEL: postgresql-server).
 * The server ends with the test process, also when that is killed.
 */
export async function startPrivatePostgres(): Promise<PrivatePostgres> {
  const bin = await findServerPrograms()
  const account = process.getuid?.() === 0 ? await findAccount() : undefined
  const dir = await mkdtemp(join(tmpdir(), 'berth-pg-'))
  const password = randomBytes(16).toString('hex')
  const passwordFile = join(dir, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account !== undefined) {
    await chown(passwordFile, account.uid, account.gid)
    await chown(dir, account.uid, account.gid)
  }
  const data = join(dir, 'data')
  const asAccount = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups']
  const initdb = [
    '-D',
    data,
    '-U',
    SUPERUSER,
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--no-sync',
  ]
  await run('setpriv', [...asAccount, join(bin, 'initdb'), ...initdb], { cwd: '/' })

  const options = [
    `unix_socket_directories=${dir}`,
    'listen_addresses=',
    'fsync=off',
    'full_page_writes=off',
    'max_connections=100',
  ]
  const server = spawn(
    'setpriv',
    // INT is PostgreSQL's fast shutdown: no orphan stays when the test runner is killed.
    [...asAccount, '--pdeathsig=INT', join(bin, 'postgres'), '-D', data, ...options.flatMap((option) => ['-c', option])],
    { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  server.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4096)
  })
  const admin = postgres({ host: dir, user: SUPERUSER, password, database: 'postgres', max: 1, onnotice: () => {} })
  try {
    await waitUntilItAnswers(admin, server)
  } catch (cause) {
    server.kill('SIGQUIT')
    await rm(dir, { recursive: true, force: true })
    throw new Error(`the private PostgreSQL did not start; it said:\n${log}`, { cause })
  }

  let databases = 0
  return {
    socketDir: dir,
    async createDatabase() {
      databases += 1
      const database = `berth_${databases}`
      await admin.unsafe(`create database ${database}`)
      return { kind: 'private', socketDir: dir, user: SUPERUSER, password, database }
    },
    async stop() {
      await admin.end({ timeout: 1 })
      await end(server)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function waitUntilItAnswers(admin: postgres.Sql, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + POSTGRES_READY_TIMEOUT_MS
  for (;;) {
    if (server.exitCode !== null) throw new Error(`postgres exited with ${server.exitCode}`)
    try {
      await admin`select 1`
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  server.kill('SIGINT')
  const timer = setTimeout(() => server.kill('SIGQUIT'), POSTGRES_STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}

/** Debian keeps versions apart in /usr/lib/postgresql/<version>/bin; PGDG on RHEL in /usr/pgsql-<version>/bin; else the PATH's. */
async function findServerPrograms(): Promise<string> {
  const entries = async (dir: string): Promise<string[]> => readdir(dir).catch(() => [])
  const candidates = [
    ...(await entries('/usr/lib/postgresql')).map((version) => ({ version, dir: `/usr/lib/postgresql/${version}/bin` })),
    ...(await entries('/usr'))
      .filter((name) => name.startsWith('pgsql-'))
      .map((name) => ({ version: name.slice('pgsql-'.length), dir: `/usr/${name}/bin` })),
    { version: '0', dir: '/usr/bin' },
  ].sort((a, b) => Number(b.version) - Number(a.version))
  for (const { dir } of candidates) {
    if ((await entries(dir)).includes('initdb')) return dir
  }
  throw new Error('PostgreSQL server programs are not installed (Debian: apt-get install postgresql)')
}

async function findAccount(): Promise<{ uid: number; gid: number }> {
  for (const name of ACCOUNTS) {
    const found = await run('getent', ['passwd', name]).catch(() => undefined)
    const fields = found?.stdout.trim().split(':')
    if (fields?.[2] !== undefined && fields[3] !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error(`none of the accounts ${ACCOUNTS.join(', ')} exists: PostgreSQL does not run as root`)
}
