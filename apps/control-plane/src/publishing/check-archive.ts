// Looks at an archive while it streams by: gzip, tar, names, kinds, counts, sizes, ratio. Keeps the manifest and nothing else,
// in memory that does not grow with the archive (tar-stream itself bounds long names to 4 MiB).

import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { BundleLimits } from '@berth/config/part-settings.js'
import { type ExtractEvents, extract, type Header } from 'tar-stream'
import { ENTRY_NAME_BYTES_MAX, ENTRY_NAME_PART_BYTES_MAX, MANIFEST_BYTES_MAX, RATIO_FLOOR_BYTES } from '../rest-limits.js'

export interface ArchiveFacts {
  readonly archiveBytes: number
  readonly unpackedBytes: number
  /** Files and directories. */
  readonly fileCount: number
  /** 1 when the archive's root is a single directory that holds everything. */
  readonly stripComponents: 0 | 1
  /** Text of the manifest at the root; undefined = there is none. */
  readonly manifest: string | undefined
}

export type ArchiveCheck =
  | { readonly kind: 'archive'; readonly facts: ArchiveFacts }
  | { readonly kind: 'refuse'; readonly apiCode: 25 | 38 | 125 | 135; readonly tooLarge: boolean; readonly message: string }

/**
 * Reads the whole stream unless something is wrong; then it is destroyed early. Never throws for what the archive holds;
 * throws when the source itself fails (the client went away).
 */
export async function checkArchive(source: Readable, limits: BundleLimits): Promise<ArchiveCheck> {
  const counter = { archiveBytes: 0, unpackedBytes: 0 }
  const entries = createEntryCheck(limits.filesMax)
  let sourceError: unknown
  source.once('error', (error) => {
    sourceError = error
  })
  const tar = extract()
  tar.on('entry', (header, stream, next) => {
    entries.take(header, stream).then(
      () => next(),
      (error: unknown) => tar.destroy(error as Error),
    )
  })
  try {
    await pipeline(source, countArchive(counter, limits), createGunzip(), countUnpacked(counter, limits), tar)
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refuse', ...error.refusal }
    if (sourceError !== undefined) throw sourceError
    if (counter.archiveBytes === 0) return refusal(125, 'The upload is empty: send the bundle as a gzip-compressed tar archive.')
    return refusal(135, `The bundle cannot be unpacked: ${describe(error)}`)
  }
  if (counter.archiveBytes === 0) return refusal(125, 'The upload is empty: send the bundle as a gzip-compressed tar archive.')
  return { kind: 'archive', facts: { ...counter, ...entries.facts() } }
}

interface Refusal {
  readonly apiCode: 25 | 38 | 125 | 135
  readonly tooLarge: boolean
  readonly message: string
}

/** Travels through the pipeline as its error. */
class Refused extends Error {
  override readonly name = 'Refused'
  readonly refusal: Refusal
  constructor(apiCode: Refusal['apiCode'], message: string, tooLarge = false) {
    super(message)
    this.refusal = { apiCode, message, tooLarge }
  }
}

function refusal(apiCode: Refusal['apiCode'], message: string): ArchiveCheck {
  return { kind: 'refuse', apiCode, tooLarge: false, message }
}

function countArchive(counter: { archiveBytes: number }, limits: BundleLimits): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      counter.archiveBytes += chunk.length
      if (counter.archiveBytes > limits.bytesMax) {
        done(new Refused(25, `The bundle is larger than ${describeBytes(limits.bytesMax)} (Applications.MaxBundleSize).`, true))
      } else done(null, chunk)
    },
  })
}

function countUnpacked(counter: { archiveBytes: number; unpackedBytes: number }, limits: BundleLimits): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      counter.unpackedBytes += chunk.length
      const { archiveBytes, unpackedBytes } = counter
      if (unpackedBytes > limits.unpackedBytesMax) {
        return done(new Refused(25, `The bundle unpacks to more than ${describeBytes(limits.unpackedBytesMax)}.`, true))
      }
      if (unpackedBytes > RATIO_FLOOR_BYTES && unpackedBytes > archiveBytes * limits.ratioMax) {
        const ratio = Math.floor(unpackedBytes / archiveBytes)
        return done(
          new Refused(
            25,
            `The bundle unpacks to more than ${limits.ratioMax} times its size (${ratio} times and more): it looks like a decompression bomb.`,
            true,
          ),
        )
      }
      done(null, chunk)
    },
  })
}

type EntryStream = ExtractEvents['entry'][1]

interface EntryCheck {
  take(header: Header, stream: EntryStream): Promise<void>
  facts(): Pick<ArchiveFacts, 'fileCount' | 'stripComponents' | 'manifest'>
}

function createEntryCheck(filesMax: number): EntryCheck {
  let fileCount = 0
  let rootManifest: string | undefined
  /** The one directory at the root, while everything lies in it. */
  let rootDirectory: string | undefined
  let rootHasMore = false
  let innerManifest: string | undefined
  return {
    async take(header, stream) {
      fileCount += 1
      if (fileCount > filesMax) throw new Refused(25, `The bundle has more than ${filesMax} files and directories.`, true)
      const parts = checkEntry(header)
      const [first, second] = parts
      if (first === undefined) return drain(stream)
      const file = header.type === 'file' || header.type === 'contiguous-file'
      if (parts.length === 1 && file) rootHasMore = true
      else if (rootDirectory === undefined) rootDirectory = first
      else if (rootDirectory !== first) rootHasMore = true
      if (file && parts.length === 1 && first === 'manifest.json') rootManifest = await readText(stream, header)
      else if (file && parts.length === 2 && second === 'manifest.json' && first === rootDirectory && !rootHasMore) {
        innerManifest = await readText(stream, header)
      } else await drain(stream)
    },
    facts() {
      const inner = rootManifest === undefined && rootDirectory !== undefined && !rootHasMore
      return { fileCount, stripComponents: inner ? 1 : 0, manifest: inner ? innerManifest : rootManifest }
    },
  }
}

/** The parts of the entry's path; [] = the root itself. Throws Refused for anything but ordinary files and directories inside it. */
function checkEntry(header: Header): readonly string[] {
  const name = header.name
  const shown = JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name)
  const bad = (why: string): Refused => new Refused(135, `The bundle cannot be accepted: ${shown} ${why}.`)
  if (!isOrdinary(header.type)) throw bad(`is a ${describeType(header.type)}; a bundle holds files and directories only`)
  if (hasSparseName(header)) throw bad('is a sparse file; pack it without --sparse')
  if (name.includes('\0')) throw bad('has a NUL character in its name')
  if (name.startsWith('/')) throw bad('has an absolute path')
  if (Buffer.byteLength(name) > ENTRY_NAME_BYTES_MAX) throw bad(`has a path of more than ${ENTRY_NAME_BYTES_MAX} bytes`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw bad('leads out of the bundle with ".."')
  if (parts.some((part) => Buffer.byteLength(part) > ENTRY_NAME_PART_BYTES_MAX)) {
    throw bad(`has a name of more than ${ENTRY_NAME_PART_BYTES_MAX} bytes`)
  }
  if (parts.length === 0 && header.type !== 'directory') throw bad('has no name')
  return parts
}

function isOrdinary(type: Header['type']): boolean {
  return type === 'file' || type === 'contiguous-file' || type === 'directory'
}

function describeType(type: string | null | undefined): string {
  switch (type) {
    case 'symlink':
      return 'symbolic link'
    case 'link':
      return 'hard link'
    case 'fifo':
      return 'named pipe'
    case 'character-device':
    case 'block-device':
      return 'device'
    default:
      return 'special entry'
  }
}

/** GNU tar would unpack such an entry under a name that no check here has seen. */
function hasSparseName(header: Header): boolean {
  return (
    typeof header.pax === 'object' && header.pax !== null && Object.keys(header.pax).some((key) => key.startsWith('GNU.sparse'))
  )
}

async function readText(stream: EntryStream, header: Header): Promise<string> {
  if (header.size > MANIFEST_BYTES_MAX) {
    throw new Refused(38, `manifest.json is larger than ${describeBytes(MANIFEST_BYTES_MAX)}.`)
  }
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function drain(stream: EntryStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('end', resolve)
    stream.once('error', reject)
    stream.resume()
  })
}

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'Z_BUF_ERROR' || message === 'Unexpected end of data') return 'the archive ends too early.'
  if (code === 'Z_DATA_ERROR') return 'it is not gzip, or it was damaged on the way.'
  return 'the compressed data is not a tar archive, or it was damaged on the way.'
}

function describeBytes(bytes: number): string {
  return bytes >= 1024 ** 3
    ? `${+(bytes / 1024 ** 3).toFixed(1)} GiB`
    : bytes >= 1024 ** 2
      ? `${+(bytes / 1024 ** 2).toFixed(1)} MiB`
      : `${bytes} bytes`
}
