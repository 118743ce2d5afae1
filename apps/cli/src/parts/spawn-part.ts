import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Account } from '../host/accounts.js'
import { INSTALL_DIR } from '../install-dir.js'
import { serverEnvironment } from '../servers/server-environment.js'

export interface SpawnedPart {
  readonly process: ChildProcess
  /** Descriptor 3 of the part: its settings went over it; its end tells the part that we are gone. */
  readonly lifeline: Writable
}

/**
 * Starts a program of ours below the account, in a session of its own (Ctrl-C is for us to handle), with its settings on descriptor 3.
 * program: path below the install directory. stdio: descriptors 0 to 2.
 */
export function spawnPart(
  program: string,
  args: readonly string[],
  settings: object,
  options: {
    readonly account: Account
    readonly stdio: readonly ('ignore' | 'inherit' | 'pipe')[]
    readonly bindsLowPort?: boolean
    readonly detached?: boolean
  },
): SpawnedPart {
  const { account } = options
  const node = [process.execPath, join(INSTALL_DIR, program), ...args]
  const [command, ...rest] = options.bindsLowPort === true && account.uid !== 0 ? [...keepBindCapability(account), ...node] : node
  const child: ChildProcess = spawn(command ?? process.execPath, rest, {
    // libuv drops every supplementary group before it changes the ids.
    ...(options.bindsLowPort === true ? {} : { uid: account.uid, gid: account.gid }),
    cwd: '/',
    env: serverEnvironment(),
    detached: options.detached ?? true,
    stdio: [...options.stdio, 'pipe'],
  })
  const lifeline = child.stdio[3] as Writable
  // A part that ends before it has read everything is reported by its exit.
  lifeline.on('error', () => {})
  lifeline.write(`${JSON.stringify(settings)}\n`)
  return { process: child, lifeline }
}

/** Ports below 1024: the account gets that one capability of root's and no other. */
function keepBindCapability(account: Account): string[] {
  const capability = '+net_bind_service'
  return [
    'setpriv',
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    '--clear-groups',
    `--inh-caps=-all,${capability}`,
    `--ambient-caps=-all,${capability}`,
    `--bounding-set=-all,${capability}`,
    '--no-new-privs',
  ]
}
