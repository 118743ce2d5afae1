// Writes tar.gz archives entry by entry, honest and dishonest ones: names, types and sizes are taken as given.
import { gzipSync } from 'node:zlib'

const BLOCK = 512

export interface ArchiveEntry {
  readonly name: string
  readonly data?: string | Uint8Array
  /** tar type: '0' file (default), '1' hard link, '2' symbolic link, '3' character device, '4' block device, '5' directory, '6' FIFO. */
  readonly type?: '0' | '1' | '2' | '3' | '4' | '5' | '6'
  readonly linkTarget?: string
  readonly mode?: number
  /** Size in the header when it is not that of `data`. */
  readonly claimedSize?: number
}

/** The archive of these entries. `files` of the short form: path → text. */
export function makeArchive(entries: readonly ArchiveEntry[] | Readonly<Record<string, string | Uint8Array>>): Buffer {
  const list = Array.isArray(entries)
    ? (entries as readonly ArchiveEntry[])
    : fromRecord(entries as Record<string, string | Uint8Array>)
  const blocks = list.flatMap((entry) => [tarHeader(entry), padded(Buffer.from(entry.data ?? ''))])
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]))
}

/**
 * A small archive that unpacks to `files` files of zeros of `fileBytes` each (a multiple of 1 MiB): gzip members may follow one another,
 * so one compressed MiB is repeated.
 */
export function makeBomb(first: readonly ArchiveEntry[], files: number, fileBytes: number): Buffer {
  const mebibyte = gzipSync(Buffer.alloc(1 << 20), { level: 9 })
  const parts: Buffer[] = [
    gzipSync(Buffer.concat(first.flatMap((entry) => [tarHeader(entry), padded(Buffer.from(entry.data ?? ''))]))),
  ]
  for (let file = 0; file < files; file += 1) {
    parts.push(gzipSync(tarHeader({ name: `zeros/${file}`, claimedSize: fileBytes })))
    for (let at = 0; at < fileBytes; at += 1 << 20) parts.push(mebibyte)
  }
  parts.push(gzipSync(Buffer.alloc(2 * BLOCK)))
  return Buffer.concat(parts)
}

function fromRecord(files: Readonly<Record<string, string | Uint8Array>>): ArchiveEntry[] {
  return Object.entries(files).map(([name, data]) => ({ name, data }))
}

function tarHeader(entry: ArchiveEntry): Buffer {
  const header = Buffer.alloc(BLOCK)
  const type = entry.type ?? '0'
  const size = entry.claimedSize ?? Buffer.from(entry.data ?? '').length
  header.write(entry.name, 0, 100)
  octal(header, entry.mode ?? (type === '5' ? 0o755 : 0o644), 100, 8)
  octal(header, 0, 108, 8)
  octal(header, 0, 116, 8)
  octal(header, size, 124, 12)
  octal(header, 1_700_000_000, 136, 12)
  header.write(type, 156)
  header.write(entry.linkTarget ?? '', 157, 100)
  header.write('ustar\0' + '00', 257)
  if (type === '3' || type === '4') {
    octal(header, 1, 329, 8)
    octal(header, 3, 337, 8)
  }
  header.fill(' ', 148, 156)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function octal(header: Buffer, value: number, at: number, width: number): void {
  header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at)
}

function padded(data: Buffer): Buffer {
  const rest = data.length % BLOCK
  return rest === 0 ? data : Buffer.concat([data, Buffer.alloc(BLOCK - rest)])
}
