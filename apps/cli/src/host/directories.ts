// Makes the directories that the servers and the control plane need, and the mount points; the agent makes its own.
// Who owns what is in docs/architecture/contracts.md 1.
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Paths } from '@berth/config/derive-part-settings.js'
import type { PartName } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import type { Account } from './accounts.js'

/** Mount root inside every sandbox. Fixed: the paths that content sees are part of its interface. */
export const MOUNT_ROOT = '/opt/berth/mnt'
const MOUNT_POINTS = ['app', 'report', 'tmp', 'R', 'packrat', 'python-environments', 'run']

export interface DirectoryOwners {
  readonly server: Account
  readonly gateway: Account
  readonly database: Account
  /** Applications.RunAs. */
  readonly content: Account
}

/** Idempotent. A path that is a link or a file is refused: root does not follow what it did not make. */
export function makeDirectories(parts: readonly PartName[], paths: Paths, owners: DirectoryOwners): void {
  const { server, gateway, content } = owners
  const own = (path: string, mode: number, uid = 0, gid = 0) => makeDirectory(path, mode, uid, gid)
  for (const path of [paths.dataDir, paths.runDir]) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    own(path, 0o711)
  }
  if (parts.includes('control-plane')) {
    own(join(paths.dataDir, 'bundles'), 0o700, server.uid, server.gid)
    own(join(paths.dataDir, 'db'), 0o700, server.uid, server.gid)
    // The group's bit: sockets that the owner makes there belong to the group that may connect.
    own(join(paths.runDir, 'control'), 0o2750, server.uid, gateway.gid)
  }
  if (parts.includes('agent')) {
    own(join(paths.dataDir, 'R'), 0o755, content.uid, content.gid)
    own(join(paths.dataDir, 'packrat'), 0o755, content.uid, content.gid)
    mkdirSync(dirname(paths.stateDir), { recursive: true, mode: 0o755 })
    own(paths.stateDir, 0o700)
    mkdirSync(dirname(MOUNT_ROOT), { recursive: true, mode: 0o755 })
    own(MOUNT_ROOT, 0o755)
    for (const name of MOUNT_POINTS) own(join(MOUNT_ROOT, name), 0o755)
  }
}

/** What `berth up` needs beyond its parts: for the private servers and the parts' logs. */
export function makeServerDirectories(paths: Paths, owners: DirectoryOwners): void {
  makeDirectory(join(paths.dataDir, 'logs'), 0o700, 0, 0)
  makeDirectory(paths.databaseSocketDir, 0o2750, owners.database.uid, owners.server.gid)
}

export function makeDirectory(path: string, mode: number, uid: number, gid: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new AppError('internal', `cannot make the directory ${path}`, { cause: error })
    }
  }
  const stat = lstatSync(path)
  if (!stat.isDirectory()) throw new AppError('invalid', `${path} must be a directory, and is none: move it away`)
  if (stat.uid !== uid || stat.gid !== gid) chownSync(path, uid, gid)
  // chown takes the group's bit away, and the umask may have taken others.
  if ((stat.mode & 0o7777) !== mode || stat.uid !== uid || stat.gid !== gid) chmodSync(path, mode)
}
