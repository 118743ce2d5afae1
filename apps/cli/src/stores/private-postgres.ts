// The private PostgreSQL of a single host: Debian's (or Red Hat's) binaries, our own data directory, a Unix socket only.
// It lives in a session of its own, so that it outlives whoever started it; the next start takes it over.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import type { Account } from '../accounts.js'
import { POSTGRES_START_MS_MAX, POSTGRES_STOP_MS_MAX } from '../limits.js'
import { waitUntil } from '../wait-until.js'
import { isAlive, workingDirectory } from './process-identity.js'

export interface PrivatePostgres {
  readonly dataDir: string // DataDir/postgres
  readonly socketDir: string
  readonly account: Account
  readonly password: string
  readonly user: string
  readonly database: string
}

const BINARY_ROOTS = ['/usr/lib/postgresql', '/usr/pgsql']
const SERVER_LOG = 'server.log'

/** Starts it, or takes over the one that runs. Returns how it came to be. */
export async function startPostgres(store: PrivatePostgres): Promise<'created' | 'started' | 'taken over'> {
  const running = runningPid(store)
  if (running !== undefined) return 'taken over'
  const fresh = !existsSync(join(store.dataDir, 'PG_VERSION'))
  if (fresh) initialise(store)
  const log = openSync(join(store.dataDir, SERVER_LOG), 'a', 0o600)
  chownSync(join(store.dataDir, SERVER_LOG), store.account.uid, store.account.gid)
  const server = spawn(join(binariesFor(store), 'postgres'), ['-D', store.dataDir, ...settings(store)], {
    uid: store.account.uid,
    gid: store.account.gid,
    cwd: store.dataDir,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
    detached: true,
    stdio: ['ignore', log, log],
  })
  let exit: string | undefined
  server.on('error', (error) => (exit = error.message))
  server.on('exit', (code, signal) => (exit = `it ended with ${code ?? signal}`))
  server.unref()
  await waitUntil('PostgreSQL to accept connections', POSTGRES_START_MS_MAX, () => {
    if (exit !== undefined) {
      throw new AppError('unavailable', `the private PostgreSQL does not start: ${exit}; its last words:\n${lastWords(store)}`)
    }
    return isReady(store) ? true : undefined
  })
  return fresh ? 'created' : 'started'
}

/** Fast shutdown: connections are closed, what is committed is kept. Does nothing when none runs. */
export async function stopPostgres(store: PrivatePostgres): Promise<void> {
  const pid = runningPid(store)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  try {
    await waitUntil('PostgreSQL to stop', POSTGRES_STOP_MS_MAX, () => (isAlive(pid) ? undefined : true))
  } catch {
    if (runningPid(store) === pid) process.kill(pid, 'SIGQUIT') // recovers from its log at the next start
  }
}

function initialise(store: PrivatePostgres): void {
  const { uid, gid } = store.account
  const staging = `${store.dataDir}.new`
  const passwordFile = `${store.dataDir}.password`
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { mode: 0o700 })
  chownSync(staging, uid, gid)
  writeFileSync(passwordFile, store.password, { mode: 0o600 })
  chownSync(passwordFile, uid, gid)
  const binaries = binariesFor(store)
  const as = { uid, gid, cwd: staging, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } }
  try {
    const auth = ['--auth-local=scram-sha-256', '--auth-host=reject', `--pwfile=${passwordFile}`]
    const form = ['-E', 'UTF8', '--locale=C', '--data-checksums']
    execFileSync(join(binaries, 'initdb'), ['-D', staging, '-U', store.user, ...form, ...auth], { ...as, stdio: 'pipe' })
    // Single-user mode: no password is needed to make the database before the server first starts.
    execFileSync(join(binaries, 'postgres'), ['--single', '-D', staging, 'postgres'], {
      ...as,
      input: `CREATE DATABASE ${store.database}\n`,
      stdio: 'pipe',
    })
    rmSync(store.dataDir, { recursive: true, force: true })
    renameSync(staging, store.dataDir)
  } catch (cause) {
    throw new AppError('internal', `cannot initialise the private PostgreSQL in ${store.dataDir}`, { cause })
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

function settings(store: PrivatePostgres): string[] {
  const values = {
    listen_addresses: '',
    unix_socket_directories: store.socketDir,
    unix_socket_permissions: '0770',
    shared_buffers: '64MB',
    max_connections: '100',
    log_line_prefix: '%m ',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Directory of the binaries of the data's own major version; another major is refused, not guessed. */
function binariesFor(store: PrivatePostgres): string {
  const versionFile = join(store.dataDir, 'PG_VERSION')
  const wanted = existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim() : undefined
  const found = installedMajors()
  const chosen = wanted === undefined ? found.at(-1) : found.find((candidate) => candidate.major === wanted)
  if (chosen !== undefined) return chosen.directory
  const have = found.map((candidate) => candidate.major).join(', ') || 'none'
  throw new AppError(
    'unavailable',
    wanted === undefined
      ? 'no PostgreSQL server is installed: install the package postgresql, or set Postgres.URL'
      : `the data in ${store.dataDir} is of PostgreSQL ${wanted}, and installed is ${have}: install postgresql-${wanted}, or move the data with pg_upgrade`,
  )
}

function installedMajors(): { major: string; directory: string }[] {
  const candidates = BINARY_ROOTS.filter((root) => existsSync(root)).flatMap((root) =>
    readdirSync(root).map((major) => ({ major, directory: join(root, major, 'bin') })),
  )
  // Red Hat's own package has no directory of a version.
  if (existsSync('/usr/bin/postgres')) {
    const major = execFileSync('/usr/bin/postgres', ['--version'], { encoding: 'utf8' }).match(/(\d+)/)?.[1]
    if (major !== undefined) candidates.push({ major, directory: '/usr/bin' })
  }
  return candidates
    .filter(({ directory }) => existsSync(join(directory, 'postgres')) && existsSync(join(directory, 'initdb')))
    .sort((a, b) => Number(a.major) - Number(b.major))
}

/** The postmaster of this data directory: its pid file names a live process whose working directory is the data directory. */
function runningPid(store: PrivatePostgres): number | undefined {
  const pid = Number(pidFileLines(store)[0])
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined
  return workingDirectory(pid) === store.dataDir ? pid : undefined
}

function isReady(store: PrivatePostgres): boolean {
  return pidFileLines(store)[7]?.trim() === 'ready'
}

function pidFileLines(store: PrivatePostgres): string[] {
  try {
    return readFileSync(join(store.dataDir, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}

function lastWords(store: PrivatePostgres): string {
  return readFileSync(join(store.dataDir, SERVER_LOG), 'utf8').trimEnd().split('\n').slice(-5).join('\n')
}
