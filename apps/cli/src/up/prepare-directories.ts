// The directories of contracts.md section 1, made and mended at every start.
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../accounts.js'

export interface HostDirectories {
  readonly dataDir: string
  readonly stateDir: string
  readonly runDir: string
  readonly tempDir: string
}

export interface Accounts {
  readonly server: Account
  readonly gateway: Account
  readonly store: Account
  /** Applications.RunAs */
  readonly content: Account
}

/** The mount root cannot be configured; outside a sandbox it is empty directories. */
export const MOUNT_ROOT = '/opt/berth/mnt'
const MOUNT_TARGETS = ['app', 'report', 'tmp', 'R', 'packrat', 'python-environments', 'run']

export function prepareDirectories(at: HostDirectories, accounts: Accounts): void {
  const { server, gateway, store, content } = accounts
  const inData = (name: string) => join(at.dataDir, name)
  const inRun = (name: string) => join(at.runDir, name)
  const root = 0

  own(at.dataDir, root, root, 0o711)
  own(inData('apps'), root, root, 0o711)
  own(inData('python-environments'), root, root, 0o755)
  own(inData('python-environments/pip'), root, root, 0o755)
  own(inData('R'), content.uid, content.gid, 0o755)
  own(inData('packrat'), content.uid, content.gid, 0o755)
  own(inData('bundles'), server.uid, server.gid, 0o700)
  own(inData('db'), server.uid, server.gid, 0o700)
  own(inData('log'), root, root, 0o700)
  own(inData('redis'), store.uid, store.gid, 0o700)
  own(at.stateDir, root, root, 0o700)

  own(at.runDir, root, root, 0o711)
  // Set-group-id: a socket made in these belongs to the group that may use it.
  own(inRun('control'), server.uid, gateway.gid, 0o2750)
  own(inRun('db'), store.uid, server.gid, 0o2750)
  own(inRun('p'), root, root, 0o711)
  own(inRun('claimed'), root, gateway.gid, 0o710)
  own(join(at.tempDir, 'berth-workspaces'), root, root, 0o711)

  for (const directory of ['/opt/berth', MOUNT_ROOT, ...MOUNT_TARGETS.map((name) => join(MOUNT_ROOT, name))]) {
    own(directory, root, root, 0o755)
  }
}

function own(directory: string, uid: number, gid: number, mode: number): void {
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 })
  chownSync(directory, uid, gid)
  chmodSync(directory, mode)
}
