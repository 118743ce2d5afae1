import { chmod, chown, lstat, mkdir, realpath, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import { type AgentDirs, claimedDir, environmentsDir, workspacesDir } from '../supervisor/run-paths.js'

/** Makes the directories that processes' own ones lie in; all root's. May be called again. Returns them without symbolic links in them. */
export async function makeBaseDirs(asked: AgentDirs, gatewayGid: number): Promise<AgentDirs> {
  for (const dir of [asked.dataDir, asked.runDir]) await mkdir(dir, { recursive: true, mode: 0o711 })
  await mkdir(asked.stateDir, { recursive: true, mode: 0o700 })
  const [dataDir, runDir, tempDir, stateDir] = await Promise.all(
    [asked.dataDir, asked.runDir, asked.tempDir, asked.stateDir].map((dir) => realpath(dir)),
  )
  const dirs = { dataDir, runDir, tempDir, stateDir } as AgentDirs
  await makeRoots(dirs.stateDir, 0o700)
  await makeRoots(join(dirs.stateDir, 'runs'), 0o700)
  await makeRoots(join(dirs.stateDir, 'archives'), 0o700)
  await makeRoots(join(dirs.runDir, 'p'), 0o711)
  await makeRoots(claimedDir(dirs), 0o710, gatewayGid)
  await makeRoots(join(dirs.dataDir, 'apps'), 0o711)
  await makeRoots(environmentsDir(dirs), 0o755)
  await makeRoots(join(environmentsDir(dirs), 'pip'), 0o755)
  await makeRoots(join(environmentsDir(dirs), '.staging'), 0o700)
  await makeRoots(workspacesDir(dirs), 0o711)
  return dirs
}

/** Removes those that hold nothing that outlives content. */
export async function removeEmptyBaseDirs(dirs: AgentDirs): Promise<void> {
  for (const dir of [join(dirs.runDir, 'p'), claimedDir(dirs), workspacesDir(dirs)]) await rmdir(dir).catch(() => undefined)
}

/** In directories where others may write, such as /tmp, somebody may have been there first. */
async function makeRoots(dir: string, mode: number, gid = 0): Promise<void> {
  await mkdir(dir, { mode }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(dir)
  if (!found.isDirectory() || found.uid !== 0) {
    throw new AppError(
      'conflict',
      `${dir} must be a directory that belongs to root, and is not: remove it, or choose another Server.TempDir`,
    )
  }
  await chown(dir, 0, gid)
  await chmod(dir, mode)
}
