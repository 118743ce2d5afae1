import { SERVICE_ACCOUNTS } from '@berth/config/derive-part-settings.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { findAccount } from './host/accounts.js'
import { ADMIN_TIMEOUT_MS } from './limits.js'
import { spawnPart } from './parts/spawn-part.js'

/**
 * Has the control plane's admin program do one thing in the database, as berth-server: the command line neither opens the database nor knows
 * the rules. Returns its answer; throws AppError with what it said when it refused. See docs/architecture/contracts.md 2.
 */
export async function runAdmin(
  settings: ControlPlaneSettings,
  args: readonly string[],
  input: { readonly password?: string } = {},
): Promise<unknown> {
  const { process: child, lifeline } = spawnPart('apps/control-plane/dist/admin.js', args, settings, {
    account: findAccount(SERVICE_ACCOUNTS.server),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: false,
  })
  // What must not stand in a command line comes as a second line.
  lifeline.end(`${JSON.stringify(input)}\n`)
  const timer = setTimeout(() => child.kill('SIGKILL'), ADMIN_TIMEOUT_MS)
  let said = ''
  let complained = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complained += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearTimeout(timer)
  if (code !== 0) {
    const reason = complained.trim().split('\n').at(-1) ?? ''
    if (/\b(ENOENT|ECONNREFUSED)\b/.test(reason)) {
      throw new AppError('unavailable', `the database does not run (${reason}): start Berth first`)
    }
    throw new AppError('invalid', reason === '' ? `the admin program ended with ${code}` : reason)
  }
  return JSON.parse(said)
}

/** A token with which one agent may enrol. */
export async function newJoinToken(
  settings: ControlPlaneSettings,
): Promise<{ readonly token: string; readonly expires: string }> {
  const answer = (await runAdmin(settings, ['node-token'])) as { token?: unknown; expires?: unknown }
  if (typeof answer.token !== 'string') throw new AppError('internal', 'the control plane gave no join token')
  return { token: answer.token, expires: String(answer.expires) }
}
