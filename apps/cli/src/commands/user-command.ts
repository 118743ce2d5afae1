import { deriveControlPlaneSettings } from '@berth/config/derive-part-settings.js'
import { type Command, Option } from 'commander'
import { askPassword } from '../ask-password.js'
import { INSTALL_DIR } from '../install-dir.js'
import { newJoinToken, runAdmin } from '../run-admin.js'
import { loadWithWarnings, requireRoot, withConfigOption } from './common-options.js'
import { privatePasswords } from './run-command.js'

const ROLES = ['viewer', 'publisher', 'administrator']

interface UserOptions {
  readonly config?: string
  readonly role?: string
  readonly email?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly passwordStdin?: true
  readonly json?: true
}

interface ListedUser {
  readonly username: string
  readonly role: string
  readonly email: string | null
  readonly locked: boolean
  readonly active_time: string | null
}

export function addUserCommand(program: Command): void {
  const user = program.command('user').description('Users of this Berth. The database must run (berth up, or an external one).')
  withConfigOption(user.command('create'))
    .description('Creates a user. The password is asked for without echo, or read from stdin.')
    .argument('<name>')
    .addOption(new Option('--role <role>').choices(ROLES).default('viewer'))
    .option('--email <address>')
    .option('--first-name <name>')
    .option('--last-name <name>')
    .option('--password-stdin', 'read the password as one line from stdin')
    .action(async (name: string, options: UserOptions) => {
      const settings = controlPlaneSettings(options)
      const password = await askPassword(`Password for ${name}`, options.passwordStdin === true)
      const args = ['user-create', '--role', options.role ?? 'viewer']
      if (options.email !== undefined) args.push('--email', options.email)
      if (options.firstName !== undefined) args.push('--first-name', options.firstName)
      if (options.lastName !== undefined) args.push('--last-name', options.lastName)
      const made = (await runAdmin(settings, [...args, '--', name], { password })) as {
        username: string
        guid: string
        role: string
      }
      process.stdout.write(`created ${made.role} ${made.username} (${made.guid})\n`)
    })
  withConfigOption(user.command('set-password'))
    .description("Sets a user's password and ends the user's sessions.")
    .argument('<name>')
    .option('--password-stdin', 'read the password as one line from stdin')
    .action(async (name: string, options: UserOptions) => {
      const settings = controlPlaneSettings(options)
      const password = await askPassword(`New password for ${name}`, options.passwordStdin === true)
      await runAdmin(settings, ['user-set-password', name], { password })
      process.stdout.write(`the password of ${name} is set, and its sessions are ended\n`)
    })
  withConfigOption(user.command('list'))
    .description('Lists the users.')
    .option('--json', 'as JSON')
    .action(async (options: UserOptions) => {
      const answer = (await runAdmin(controlPlaneSettings(options), ['user-list'])) as { total: number; users: ListedUser[] }
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(answer.users, null, 2)}\n`)
        return
      }
      const rows = answer.users.map((one) => [
        one.username,
        one.role,
        one.email ?? '',
        one.locked ? 'locked' : '',
        one.active_time === null ? 'never active' : `active ${one.active_time}`,
      ])
      process.stdout.write(formatTable(rows))
      if (answer.total > rows.length) process.stdout.write(`… and ${answer.total - rows.length} more\n`)
    })
}

export function addNodeCommand(program: Command): void {
  const node = program.command('node').description('Hosts of this Berth.')
  withConfigOption(node.command('token'))
    .description('Makes a one-time token with which the agent of another host enrols: berth run agent --join-token TOKEN')
    .action(async (options: { config?: string }) => {
      const { token, expires } = await newJoinToken(controlPlaneSettings(options))
      process.stdout.write(`${token}\n`)
      process.stderr.write(`valid until ${expires}, for one host\n`)
    })
}

function controlPlaneSettings(options: { readonly config?: string }) {
  requireRoot('this command')
  const config = loadWithWarnings(options)
  return deriveControlPlaneSettings(config, privatePasswords(config), INSTALL_DIR)
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
