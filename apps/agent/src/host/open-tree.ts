import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/*
 * Walking a tree that somebody else wrote. Node has no openat: a directory that we hold open is reached again through /proc/self/fd, so
 * no name above an entry can be swapped for a link between looking and acting.
 */

/** Only a real directory; a symbolic link is an error (ENOTDIR or ELOOP). */
export function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
}

/** Only a real file; never blocks on a FIFO and follows no link. */
export function openRegular(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

/** Path of an entry below an open directory, as long as that is open. */
export function entryOf(directory: FileHandle, name: string): string {
  return join('/proc/self/fd', String(directory.fd), name)
}

export async function namesIn(directory: FileHandle): Promise<string[]> {
  return readdir(join('/proc/self/fd', String(directory.fd)))
}
