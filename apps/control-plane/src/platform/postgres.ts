// Postgres: the truth. One pool per program, 64-bit integers as bigint, forward-only migrations under an advisory lock.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import postgres from 'postgres'
import { POSTGRES_CONNECT_TIMEOUT_S, POSTGRES_IDLE_TIMEOUT_S, POSTGRES_POOL_MAX } from '../limits.js'

/** int8 columns are read and written as bigint. */
export type Sql = postgres.Sql<{ bigint: bigint }>
export type Tx = postgres.TransactionSql<{ bigint: bigint }>

/** Any number of ours: two programs that start together migrate one after the other. */
const MIGRATION_LOCK = 7_305_480_231_101n

/** Opens the pool; connects at the first query and again after every loss. */
export function openPostgres(settings: PostgresSettings, options: { readonly poolMax?: number } = {}): Sql {
  const common = {
    max: options.poolMax ?? POSTGRES_POOL_MAX,
    idle_timeout: POSTGRES_IDLE_TIMEOUT_S,
    connect_timeout: POSTGRES_CONNECT_TIMEOUT_S,
    // A waiting room that grows without bound would hide an outage: see limits.ts.
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
    connection: { application_name: 'berth' },
  }
  if (settings.kind === 'url') return postgres(settings.url, common)
  return postgres({
    ...common,
    host: settings.socketDir,
    username: settings.user,
    password: settings.password,
    database: settings.database,
  })
}

/**
 * Applies what is missing of migrations/NNNN-name.sql, each in a transaction of its own.
 * A file that changed after it was applied, or a database newer than this build, is refused.
 */
export async function migrate(sql: Sql, directory: string): Promise<readonly string[]> {
  const files = (await readdir(directory)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).sort()
  const applied: string[] = []
  const connection = await sql.reserve()
  try {
    await connection`select pg_advisory_lock(${MIGRATION_LOCK})`
    await connection`create table if not exists schema_migrations (name text primary key, sha256 text not null, applied_time timestamptz not null default now())`
    const known = new Map(
      (await connection<{ name: string; sha256: string }[]>`select name, sha256 from schema_migrations`).map((row) => [
        row.name,
        row.sha256,
      ]),
    )
    const newer = [...known.keys()].filter((name) => !files.includes(name))
    if (newer.length > 0) {
      throw new AppError(
        'unsupported',
        `the database was migrated by a newer build (${newer.join(', ')}): run that build or newer`,
      )
    }
    for (const name of files) {
      const text = await readFile(join(directory, name), 'utf8')
      const sha256 = createHash('sha256').update(text).digest('hex')
      if (known.get(name) === sha256) continue
      if (known.has(name))
        throw new AppError('unsupported', `migration ${name} differs from the one that this database was made with`)
      await connection.unsafe('begin')
      try {
        await connection.unsafe(text)
        await connection`insert into schema_migrations (name, sha256) values (${name}, ${sha256})`
        await connection.unsafe('commit')
      } catch (cause) {
        await connection.unsafe('rollback')
        throw new Error(`migration ${name} failed`, { cause })
      }
      applied.push(name)
    }
    await connection`select pg_advisory_unlock(${MIGRATION_LOCK})`
  } finally {
    connection.release()
  }
  return applied
}
