// Runs one administrative command of the control plane (its dist/admin.js) under its account. The command line program itself
// neither opens the database nor knows the rules.
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { lookUpAccount, SERVER_ACCOUNT } from '../accounts.js'
import { ADMIN_COMMAND_MS_MAX } from '../limits.js'
import { startPart } from './start-part.js'

/** args: command and its arguments. Returns what it printed, a JSON value. A refusal is thrown with the command's own words. */
export async function runAdminCommand(
  installDir: string,
  settings: ControlPlaneSettings,
  args: readonly string[],
  input: { readonly password?: string } = {},
): Promise<unknown> {
  const { child, channel } = startPart({
    installDir,
    entry: 'apps/control-plane/dist/admin.js',
    args,
    settings,
    account: lookUpAccount(SERVER_ACCOUNT),
    output: 'pipe',
    ownSession: false,
  })
  // Second line of the channel: what must not stand in a command line.
  channel.end(`${JSON.stringify(input)}\n`)
  const timer = setTimeout(() => child.kill('SIGKILL'), ADMIN_COMMAND_MS_MAX)
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  clearTimeout(timer)
  if (code !== 0) throw new AppError('invalid', err.trim() || `the control plane's command ${args[0]} ended with ${code}`)
  return JSON.parse(out) as unknown
}
