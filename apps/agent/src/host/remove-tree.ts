import { rmdir } from 'node:fs/promises'
import { REMOVE_TREE_MS } from '../limits.js'
import { runCommand } from './run-command.js'

/**
 * Removes trees that content's account writes to, also while it does (it may log in to this host, or have handed an open directory to
 * another process of its own). Never Node's `rm`: that goes by whole paths, so a directory that is swapped for a symbolic link meanwhile
 * makes root delete where the link points. GNU rm holds each directory open (fts, openat, unlinkat) and follows no link; it also
 * crosses no mount and takes names that are too long together. What is absent is fine.
 */
export async function removeTrees(paths: readonly string[]): Promise<void> {
  // Mostly there is nothing in them: no program is needed for that.
  const left = await Promise.all(paths.map(async (path) => ((await isRemoved(path)) ? [] : [path])))
  const full = left.flat()
  if (full.length === 0) return
  const outcome = await runCommand('/bin/rm', ['-rf', '--one-file-system', '--', ...full], { timeoutMs: REMOVE_TREE_MS })
  if (outcome.code !== 0) throw new Error(`cannot remove ${full.join(', ')}: ${outcome.stderr.slice(0, 500)}`)
}

async function isRemoved(path: string): Promise<boolean> {
  try {
    await rmdir(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}
