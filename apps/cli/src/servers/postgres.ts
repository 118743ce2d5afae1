// The private PostgreSQL: Debian's programs, our own data directory and account, Unix socket only.
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import type { Account } from '../host/accounts.js'
import { makeDirectory } from '../host/directories.js'
import { identify, type ProcessIdentity } from '../host/process-identity.js'
import type { PrivateServer } from './private-server.js'
import { serverEnvironment } from './server-environment.js'

export interface PostgresPlace {
  readonly dataDir: string
  readonly runDir: string
  readonly socketDir: string
  readonly account: Account
  readonly password: string
}

const SUPERUSER = 'berth'
const DATABASE = 'berth'
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0770',
  shared_buffers: '64MB',
  max_connections: '100',
  // Its own log, a file per weekday that is written anew a week later.
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgresql-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_line_prefix: '%m [%p] ',
}

export function createPrivatePostgres(place: PostgresPlace): PrivateServer {
  const data = join(place.dataDir, 'postgres')
  const startLogFile = join(place.runDir, 'postgres-start.log')
  const as = { uid: place.account.uid, gid: place.account.gid, cwd: '/', env: serverEnvironment() }

  return {
    name: 'postgres',
    stopSignals: ['SIGINT', 'SIGQUIT'], // fast shutdown, immediate shutdown

    async findRunning() {
      const file = readPostmasterFile(data)
      if (file === undefined) return undefined
      const found = identify(file.pid)
      if (found === undefined || !isPostmasterOf(found, data)) return undefined
      return found
    },

    async prepare() {
      if (existsSync(join(data, 'PG_VERSION'))) {
        programsFor(data)
        return undefined
      }
      const programs = programsFor(data)
      // Made beside and renamed: a start that is cut short leaves no half a cluster.
      const fresh = `${data}.new`
      rmSync(fresh, { recursive: true, force: true })
      makeDirectory(fresh, 0o700, place.account.uid, place.account.gid)
      const passwordFile = join(place.dataDir, 'postgres-password.new')
      writeFileSync(passwordFile, place.password, { mode: 0o600 })
      // initdb opens it by its descriptor's name, as the account.
      chownSync(passwordFile, place.account.uid, place.account.gid)
      const fd = openSync(passwordFile, 'r')
      rmSync(passwordFile)
      try {
        run(
          join(programs.dir, 'initdb'),
          [
            ...['-D', fresh, '-U', SUPERUSER, '-E', 'UTF8', '--locale=C', '--data-checksums'],
            ...['--auth-local=scram-sha-256', '--auth-host=reject', '--pwfile=/dev/stdin'],
          ],
          { ...as, stdio: [fd, 'pipe', 'pipe'] },
        )
      } finally {
        closeSync(fd)
      }
      run(join(programs.dir, 'postgres'), ['--single', '-D', fresh, 'postgres'], {
        ...as,
        input: `CREATE DATABASE ${DATABASE};\n`,
      })
      rmSync(data, { recursive: true, force: true })
      renameSync(fresh, data)
      return `made a cluster of version ${programs.version}`
    },

    start() {
      const programs = programsFor(data)
      const log = openSync(startLogFile, 'w', 0o600)
      try {
        const settings = Object.entries({ ...SETTINGS, unix_socket_directories: place.socketDir })
        return spawn(
          join(programs.dir, 'postgres'),
          ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
          { ...as, detached: true, stdio: ['ignore', log, log] },
        )
      } finally {
        closeSync(log)
      }
    },

    async isReady() {
      const file = readPostmasterFile(data)
      return (
        file !== undefined &&
        file.status === 'ready' &&
        file.socketDir === place.socketDir &&
        existsSync(join(place.socketDir, '.s.PGSQL.5432'))
      )
    },

    startLog: () => readLog(startLogFile),
    removeSockets() {
      for (const name of ['.s.PGSQL.5432', '.s.PGSQL.5432.lock']) rmSync(join(place.socketDir, name), { force: true })
    },
  }
}

/** Lines of postmaster.pid: pid, data directory, start, port, socket directory, listen address, shared memory, status. */
function readPostmasterFile(data: string): { pid: number; socketDir: string; status: string } | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), socketDir: lines[4] ?? '', status: (lines[7] ?? '').trim() }
  } catch {
    return undefined
  }
}

function isPostmasterOf(found: ProcessIdentity, data: string): boolean {
  const argv = readFileSync(`/proc/${found.pid}/cmdline`, 'utf8').split('\0')
  return argv[0]?.endsWith('/postgres') === true && argv[argv.indexOf('-D') + 1] === data
}

interface Programs {
  readonly version: string
  readonly dir: string
}

/** The newest server programs of the host, or those of the version that the data directory was made with. */
function programsFor(data: string): Programs {
  const found = installedPrograms()
  let wanted: string | undefined
  try {
    wanted = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  } catch {
    // no cluster yet
  }
  const fitting = wanted === undefined ? found[0] : found.find((one) => one.version === wanted)
  if (fitting !== undefined) return fitting
  const have = found.map((one) => one.version).join(', ') || 'none'
  throw new AppError(
    'unsupported',
    wanted === undefined
      ? 'this host has no PostgreSQL server programs: install the package postgresql (Debian, Ubuntu) or postgresql-server'
      : `the database in ${data} is of PostgreSQL ${wanted}, and this host has the server programs of ${have}: install PostgreSQL ${wanted}, or carry the database over with pg_upgrade`,
  )
}

/** Debian and Ubuntu keep versions apart in /usr/lib/postgresql, PGDG on RHEL in /usr/pgsql-*, RHEL itself in /usr/bin. Newest first. */
function installedPrograms(): Programs[] {
  const list = (dir: string) => (existsSync(dir) ? readdirSync(dir) : [])
  const candidates = [
    ...list('/usr/lib/postgresql').map((version) => ({ version, dir: `/usr/lib/postgresql/${version}/bin` })),
    ...list('/usr')
      .filter((name) => name.startsWith('pgsql-'))
      .map((name) => ({ version: name.slice('pgsql-'.length), dir: `/usr/${name}/bin` })),
  ].filter((one) => existsSync(join(one.dir, 'initdb')) && existsSync(join(one.dir, 'postgres')))
  if (candidates.length === 0 && existsSync('/usr/bin/initdb')) {
    const said = spawnSync('/usr/bin/postgres', ['--version'], { encoding: 'utf8' }).stdout ?? ''
    const version = /\s(\d+)/.exec(said)?.[1]
    if (version !== undefined) candidates.push({ version, dir: '/usr/bin' })
  }
  return candidates.sort((a, b) => Number(b.version) - Number(a.version))
}

function run(program: string, args: readonly string[], options: object): void {
  const done = spawnSync(program, args, { encoding: 'utf8', ...options })
  if (done.status === 0) return
  const said = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim()
  throw new AppError('internal', `${program} failed (${done.status ?? done.signal ?? done.error?.message}): ${said}`)
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}
