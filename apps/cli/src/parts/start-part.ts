// Starts one part under its own account, with its settings on descriptor 3 (decision 0003). Only this process has read the
// configuration; the part sees what is its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { PartName } from '@berth/config/part-settings.js'
import { type Account, GATEWAY_ACCOUNT, lookUpAccount, SERVER_ACCOUNT } from '../accounts.js'

export interface PartStart {
  readonly installDir: string
  /** File below the installed build, such as apps/agent/dist/main.js. */
  readonly entry: string
  readonly args?: readonly string[]
  readonly settings: unknown
  /** null = root, which only the agent is. */
  readonly account: Account | null
  /** Descriptor that stdout and stderr go to, or 'inherit' or 'pipe'. */
  readonly output: number | 'inherit' | 'pipe'
  /** In a session of its own, so that a Ctrl-C of the terminal does not reach it. */
  readonly ownSession: boolean
}

export interface StartedPart {
  readonly child: ChildProcess
  /** Later lines on descriptor 3. Ending it tells the part that its starter is gone. */
  readonly channel: Writable
}

export function startPart(start: PartStart): StartedPart {
  const child = spawn(
    join(start.installDir, 'bin/node'),
    ['--enable-source-maps', join(start.installDir, start.entry), ...(start.args ?? [])],
    {
      ...(start.account === null ? {} : { uid: start.account.uid, gid: start.account.gid }),
      cwd: '/',
      env: partEnvironment(),
      detached: start.ownSession,
      stdio: ['ignore', start.output, start.output, 'pipe'],
    },
  )
  const channel = child.stdio[3] as Writable
  channel.on('error', () => {}) // the part ended before it read; its exit tells
  channel.write(`${JSON.stringify(start.settings)}\n`)
  return { child, channel }
}

export function entryOf(part: PartName): string {
  return `apps/${part}/dist/main.js`
}

export function accountOf(part: PartName): Account | null {
  if (part === 'agent') return null
  return lookUpAccount(part === 'control-plane' ? SERVER_ACCOUNT : GATEWAY_ACCOUNT)
}

/** Nothing of the starter's environment but what a program needs to find itself and to trace. */
function partEnvironment(): NodeJS.ProcessEnv {
  const kept = ['LANG', 'TZ', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
  const environment: NodeJS.ProcessEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
  for (const [name, value] of Object.entries(process.env)) {
    if (kept.includes(name) || name.startsWith('OTEL_')) environment[name] = value
  }
  return environment
}
