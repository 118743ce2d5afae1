// One administrative command, run once under the control plane's account by `berth user …` and `berth node …`.
// Settings on descriptor 3 as for main.ts; a second line there holds what must not stand in a command line: {"password": "…"}.
// A JSON value on stdout; a refusal is one sentence on stderr and exit status 1.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { type PartChannel, readPartSettings } from '@berth/config/read-part-settings.js'
import { USER_ROLES, type UserRole } from '@berth/domain/access/actor.js'
import { AppError, errorChain } from '@berth/domain/app-error.js'
import { createIdentityRoom, type IdentityRoom } from './identity/identity-room.js'
import { ADMIN_USERS_LISTED_MAX } from './limits.js'
import { createJoinToken } from './nodes/enroll-node.js'
import { openCertificateAuthority } from './platform/certificate-authority.js'
import { systemClock } from './platform/clock.js'
import { migrate, openPostgres, type Sql } from './platform/postgres.js'
import { MIGRATIONS_DIR } from './start-control-plane.js'

interface AdminContext {
  readonly sql: Sql
  readonly settings: ControlPlaneSettings
  readonly identity: IdentityRoom
  readonly password: string | undefined
}

const COMMANDS: Readonly<Record<string, (context: AdminContext, args: readonly string[]) => Promise<unknown>>> = {
  'user-create': createUser,
  'user-set-password': setPassword,
  'user-list': listUsers,
  'node-token': nodeToken,
}

async function createUser({ identity, password }: AdminContext, args: readonly string[]): Promise<unknown> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      role: { type: 'string', default: 'viewer' },
      email: { type: 'string' },
      'first-name': { type: 'string' },
      'last-name': { type: 'string' },
    },
  })
  const username = nameOf(positionals)
  const role = USER_ROLES.find((known) => known === values.role)
  if (role === undefined) throw new AppError('invalid', `"${values.role}" is no role: ${USER_ROLES.join(', ')}`)
  const user = await identity.createUser(null, {
    username,
    role: role satisfies UserRole,
    email: values.email,
    firstName: values['first-name'],
    lastName: values['last-name'],
    password,
  })
  return { guid: user.guid, username: user.username, role: user.role }
}

async function setPassword({ identity, password }: AdminContext, args: readonly string[]): Promise<unknown> {
  const username = nameOf(args)
  if (password === undefined || password === '') throw new AppError('invalid', 'no password was given')
  await identity.setPassword(null, username, password)
  return { username }
}

async function listUsers({ identity }: AdminContext): Promise<unknown> {
  const { users, total } = await identity.listUsers({
    prefix: undefined,
    roles: undefined,
    locked: undefined,
    ascending: true,
    limit: ADMIN_USERS_LISTED_MAX,
    offset: 0,
  })
  return {
    total,
    users: users.map((user) => ({
      guid: user.guid,
      username: user.username,
      email: user.email,
      role: user.role,
      locked: user.locked,
      created_time: user.createdTime.toISOString(),
      active_time: user.activeTime?.toISOString() ?? null,
    })),
  }
}

async function nodeToken({ sql, settings }: AdminContext): Promise<unknown> {
  const authority = await openCertificateAuthority(join(settings.dataDir, 'db'))
  const { token, expires } = await createJoinToken(sql, authority)
  return { token, expires: expires.toISOString() }
}

function nameOf(args: readonly string[]): string {
  const [name, ...more] = args
  if (name === undefined || more.length > 0) throw new AppError('invalid', 'one user name is expected')
  return name
}

/** The second line, or nothing when the channel ends without one. */
function readInput(channel: PartChannel<ControlPlaneSettings>): Promise<{ readonly password?: unknown }> {
  return new Promise((resolve) => {
    channel.onCommand((line) => resolve(line as unknown as { password?: unknown }))
    channel.onStarterGone(() => resolve({}))
  })
}

try {
  const [command = '', ...args] = process.argv.slice(2)
  const run = COMMANDS[command]
  if (run === undefined) throw new AppError('invalid', `unknown command "${command}": ${Object.keys(COMMANDS).join(', ')}`)
  const channel = await readPartSettings<ControlPlaneSettings>()
  const { password } = await readInput(channel)
  const sql = openPostgres(channel.settings.postgres, { poolMax: 2 })
  await migrate(sql, MIGRATIONS_DIR)
  const identity = createIdentityRoom({ sql, clock: systemClock, settings: channel.settings })
  const result = await run(
    { sql, settings: channel.settings, identity, password: typeof password === 'string' ? password : undefined },
    args,
  )
  process.stdout.write(`${JSON.stringify(result)}\n`)
  await sql.end({ timeout: 1 })
  process.exit(0)
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : errorChain(error)}\n`)
  process.exit(1)
}
