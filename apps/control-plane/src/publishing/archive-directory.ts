// Where archives lie: DataDir/bundles/<content guid>/<bundle id>.tar.gz, byte for byte as they came.
// A name without the final suffix is an upload under way, or what a crash left of one.
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ContentGuid } from '@berth/domain/ids.js'
import { isUuid } from '@berth/domain/ids.js'
import { FOREIGN_UPLOAD_LIFETIME_MS } from '../rest-limits.js'

export interface ArchiveDirectory {
  /** Makes the content's directory and names a file in it that nobody else uses. */
  stagingPath(contentGuid: ContentGuid): Promise<string>
  /** Gives a complete, flushed upload its name. After it the archive survives a power failure. */
  keep(stagingPath: string, contentGuid: ContentGuid, bundleId: bigint): Promise<void>
  open(contentGuid: ContentGuid, bundleId: bigint): Readable
  remove(contentGuid: ContentGuid, bundleId: bigint): Promise<void>
  removeAll(contentGuid: ContentGuid): Promise<void>
  /** At start: uploads whose writer is gone, and archives without a row. Returns what was removed. */
  sweep(options: SweepOptions): Promise<readonly string[]>
}

export interface SweepOptions {
  readonly now: Date
  exists(contentGuid: ContentGuid, bundleId: bigint): Promise<boolean>
}

const ARCHIVE = /^(\d+)\.tar\.gz$/
const STAGING = /^upload~(.+)~(\d+)~(\d+)~[0-9a-f-]{36}$/

export function createArchiveDirectory(dataDir: string): ArchiveDirectory {
  const root = join(dataDir, 'bundles')
  const directoryOf = (contentGuid: ContentGuid): string => join(root, contentGuid)
  const pathOf = (contentGuid: ContentGuid, bundleId: bigint): string => join(directoryOf(contentGuid), `${bundleId}.tar.gz`)
  return {
    async stagingPath(contentGuid) {
      await mkdir(directoryOf(contentGuid), { recursive: true, mode: 0o700 })
      return join(directoryOf(contentGuid), `upload~${hostname()}~${process.pid}~${await startTime(process.pid)}~${randomUUID()}`)
    },
    async keep(stagingPath, contentGuid, bundleId) {
      await rename(stagingPath, pathOf(contentGuid, bundleId))
      await syncDirectory(directoryOf(contentGuid))
    },
    open: (contentGuid, bundleId) => createReadStream(pathOf(contentGuid, bundleId)),
    remove: (contentGuid, bundleId) => rm(pathOf(contentGuid, bundleId), { force: true }),
    removeAll: (contentGuid) => rm(directoryOf(contentGuid), { recursive: true, force: true }),
    async sweep({ now, exists }) {
      const removed: string[] = []
      for (const contentGuid of (await list(root)).filter(isUuid)) {
        for (const name of await list(join(root, contentGuid))) {
          const path = join(root, contentGuid, name)
          const archive = ARCHIVE.exec(name)
          const dead = archive?.[1]
            ? !(await exists(contentGuid as ContentGuid, BigInt(archive[1]))) &&
              (await isOlderThan(path, now, FOREIGN_UPLOAD_LIFETIME_MS))
            : await isAbandoned(path, name, now)
          if (!dead) continue
          await rm(path, { force: true })
          removed.push(path)
        }
      }
      return removed
    },
  }
}

/** An upload of this host belongs to a process; one of another host is judged by its age. */
async function isAbandoned(path: string, name: string, now: Date): Promise<boolean> {
  const [, host, pid, start] = STAGING.exec(name) ?? []
  if (host === hostname() && pid !== undefined) return (await startTime(Number(pid))) !== start
  return isOlderThan(path, now, FOREIGN_UPLOAD_LIFETIME_MS)
}

async function isOlderThan(path: string, now: Date, ageMs: number): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined)
  return facts !== undefined && now.getTime() - facts.mtimeMs > ageMs
}

/** Field 22 of /proc/PID/stat: with the pid it names a process also after the number was used again. '' = no such process. */
async function startTime(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}

/** A rename is durable once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
