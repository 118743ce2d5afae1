import type { FileHandle } from 'node:fs/promises'
import { lstat } from 'node:fs/promises'
import { SEAL_DEPTH_MAX, SEAL_ENTRIES_MAX } from '../limits.js'
import { entryOf, namesIn, openDirectory, openRegular } from './open-tree.js'

export type SealOutcome = { readonly kind: 'sealed' } | { readonly kind: 'refused'; readonly message: string }

const DIRECTORY_MODE = 0o750
const FILE_MODE = 0o640

/**
 * Makes a tree that its author wrote one that we can serve: root's, readable by one group, and nothing in it but directories and plain
 * files with a single name. A link (also a hard one: it may be somebody else's file) or a special file refuses the whole tree.
 * Source: decision 17.
 */
export async function sealTree(root: string, gid: number): Promise<SealOutcome> {
  let entries = 0
  const seal = async (path: string, shown: string, depth: number): Promise<string | undefined> => {
    if (depth > SEAL_DEPTH_MAX) return `directories are nested deeper than ${SEAL_DEPTH_MAX}`
    const directory = await openDirectory(path)
    try {
      // First the directory: from here on its author cannot add to it.
      await giveTo(directory, gid, DIRECTORY_MODE)
      for (const name of await namesIn(directory)) {
        entries += 1
        if (entries > SEAL_ENTRIES_MAX) return `there are more than ${SEAL_ENTRIES_MAX} files`
        const entry = entryOf(directory, name)
        const below = shown === '' ? name : `${shown}/${name}`
        const found = await lstat(entry)
        if (found.isDirectory()) {
          const problem = await seal(entry, below, depth + 1)
          if (problem !== undefined) return problem
        } else if (!found.isFile()) {
          return `"${below}" is a ${found.isSymbolicLink() ? 'symbolic link' : 'special file'}; only plain files and directories can be served`
        } else {
          const problem = await sealFile(entry, below, gid)
          if (problem !== undefined) return problem
        }
      }
      return undefined
    } finally {
      await directory.close()
    }
  }
  const message = await seal(root, '', 0)
  return message === undefined ? { kind: 'sealed' } : { kind: 'refused', message }
}

async function sealFile(entry: string, shown: string, gid: number): Promise<string | undefined> {
  const file = await openRegular(entry)
  try {
    const found = await file.stat()
    if (!found.isFile()) return `"${shown}" changed while it was sealed`
    if (found.nlink > 1) return `"${shown}" has a second name (hard link); only plain files can be served`
    await giveTo(file, gid, FILE_MODE)
    return undefined
  } finally {
    await file.close()
  }
}

async function giveTo(handle: FileHandle, gid: number, mode: number): Promise<void> {
  await handle.chown(0, gid)
  await handle.chmod(mode)
}
