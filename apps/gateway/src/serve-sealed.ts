// Serves files of a sealed tree (decision 17). Owns the way from a path to an opened file. Promises that what it opened lies in the
// tree and was reached over no link: the kernel says where the descriptor points, after the open.
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { decideRange } from './byte-range.js'
import { contentTypeOf } from './content-type-of.js'
import { SEALED_DIRS_REMEMBERED_MAX, STATIC_PATH_SEGMENTS_MAX, STATIC_WHOLE_FILE_BYTES_MAX } from './limits.js'

export interface SealedAsk {
  readonly sealedDir: string
  readonly bundleId: bigint
  /** Page for the root; empty = index.html. */
  readonly primaryHtml: string
  /** Begins with a slash, percent-encoded. */
  readonly rest: string
  /** Headers for every answer, names and values in turn. */
  readonly headers: readonly string[]
}

export type SealedOutcome =
  | { readonly kind: 'served' }
  | { readonly kind: 'not_found' }
  /** A directory without its slash, or a page that lies deeper: relative to the mount, begins with a slash. */
  | { readonly kind: 'redirect'; readonly rest: string }

const INDEX = 'index.html'
const NOT_FOUND: SealedOutcome = { kind: 'not_found' }
const SERVED: SealedOutcome = { kind: 'served' }

interface OpenedFile {
  readonly handle: FileHandle
  readonly size: number
  readonly changedMs: number
}

export class SealedTrees {
  /** A tree's own place without links (DataDir may be one), by its configured place. */
  readonly #roots = new Map<string, Promise<string>>()

  async serve(req: IncomingMessage, res: ServerResponse, ask: SealedAsk): Promise<SealedOutcome> {
    const segments = decodeSegments(ask.rest)
    if (segments === null) return NOT_FOUND
    const root = await this.#rootOf(ask.sealedDir)
    if (root === null) return NOT_FOUND
    const wantsDirectory = ask.rest.endsWith('/')
    if (segments.length === 0) {
      const primary = ask.primaryHtml === '' ? INDEX : ask.primaryHtml
      // Links on a page that lies deeper are relative to where it lies.
      if (primary.includes('/')) return { kind: 'redirect', rest: `/${primary.split('/').map(encodeURIComponent).join('/')}` }
      return this.#serveFile(req, res, ask, root, [primary])
    }
    if (wantsDirectory) return this.#serveFile(req, res, ask, root, [...segments, INDEX])
    const outcome = await this.#serveFile(req, res, ask, root, segments)
    if (outcome.kind !== 'not_found') return outcome
    const index = await openBelow(root, [...segments, INDEX])
    if (index === null) return NOT_FOUND
    await index.handle.close()
    return { kind: 'redirect', rest: `${ask.rest}/` }
  }

  async #serveFile(
    req: IncomingMessage,
    res: ServerResponse,
    ask: SealedAsk,
    root: string,
    segments: readonly string[],
  ): Promise<SealedOutcome> {
    const file = await openBelow(root, segments)
    if (file === null) return NOT_FOUND
    try {
      await send(req, res, ask, file, segments.at(-1) as string)
    } catch (error) {
      await file.handle.close().catch(() => {})
      throw error
    }
    return SERVED
  }

  #rootOf(sealedDir: string): Promise<string | null> {
    let root = this.#roots.get(sealedDir)
    if (root === undefined) {
      if (this.#roots.size >= SEALED_DIRS_REMEMBERED_MAX) this.#roots.clear()
      root = realpath(sealedDir)
      root.catch(() => this.#roots.delete(sealedDir))
      this.#roots.set(sealedDir, root)
    }
    return root.catch(() => null)
  }
}

/** Names below the tree, or null when the path names nothing that a file can be called. */
export function decodeSegments(rest: string): string[] | null {
  const segments: string[] = []
  for (const part of rest.split('/')) {
    if (part === '') continue
    let name: string
    try {
      name = decodeURIComponent(part)
    } catch {
      return null
    }
    if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return null
    segments.push(name)
  }
  return segments.length > STATIC_PATH_SEGMENTS_MAX ? null : segments
}

/** O_NONBLOCK: opening a FIFO must not wait for a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

async function openBelow(root: string, segments: readonly string[]): Promise<OpenedFile | null> {
  const path = `${root}/${segments.join('/')}`
  let handle: FileHandle
  try {
    handle = await open(path, OPEN_FLAGS)
  } catch {
    return null
  }
  try {
    // A link in a directory on the way would show here as another place.
    const [place, stat] = await Promise.all([readlink(`/proc/self/fd/${handle.fd}`), handle.stat()])
    if (place === path && stat.isFile()) return { handle, size: stat.size, changedMs: Math.floor(stat.ctimeMs) }
  } catch {
    // Below: not ours to serve.
  }
  await handle.close()
  return null
}

async function send(req: IncomingMessage, res: ServerResponse, ask: SealedAsk, file: OpenedFile, name: string): Promise<void> {
  // Archives carry times of their own, and two bundles may have the same: bundle and time of unpacking tell them apart.
  const etag = `"${ask.bundleId}-${file.size.toString(36)}-${file.changedMs.toString(36)}"`
  const modified = new Date(file.changedMs).toUTCString()
  const headers = [...ask.headers, 'ETag', etag, 'Last-Modified', modified, 'Accept-Ranges', 'bytes']
  if (isUnchanged(req, etag, modified)) {
    res.writeHead(304, headers)
    res.end()
    await file.handle.close()
    return
  }
  headers.push('Content-Type', contentTypeOf(name))
  const ifRange = req.headers['if-range']
  const range = decideRange(ifRange === undefined || ifRange === etag ? req.headers.range : undefined, file.size)
  if (range.kind === 'unsatisfiable') {
    res.writeHead(416, [...headers, 'Content-Range', `bytes */${file.size}`, 'Content-Length', '0'])
    res.end()
    await file.handle.close()
    return
  }
  const first = range.kind === 'part' ? range.first : 0
  const length = range.kind === 'part' ? range.last - range.first + 1 : file.size
  headers.push('Content-Length', String(length))
  if (range.kind === 'part') headers.push('Content-Range', `bytes ${range.first}-${range.last}/${file.size}`)
  const status = range.kind === 'part' ? 206 : 200
  if (req.method === 'HEAD' || length === 0) {
    res.writeHead(status, headers)
    res.end()
    await file.handle.close()
    return
  }
  if (length <= STATIC_WHOLE_FILE_BYTES_MAX) {
    const { bytesRead, buffer } = await file.handle.read(Buffer.allocUnsafe(length), 0, length, first)
    await file.handle.close()
    res.writeHead(status, headers)
    // A sealed file does not shrink; if one does, the visitor must not take the rest of the buffer for it.
    if (bytesRead === length) res.end(buffer)
    else res.destroy()
    return
  }
  res.writeHead(status, headers)
  await new Promise<void>((resolve) => {
    const stream = createReadStream('', { fd: file.handle, start: first, end: first + length - 1, autoClose: true })
    pipeline(stream, res, () => resolve())
  })
}

function isUnchanged(req: IncomingMessage, etag: string, modified: string): boolean {
  const noneMatch = req.headers['if-none-match']
  if (noneMatch !== undefined)
    return noneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')
  return req.headers['if-modified-since'] === modified
}
