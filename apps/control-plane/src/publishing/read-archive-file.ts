import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ExtractEvents, extract } from 'tar-stream'

export type ArchiveFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too_large' }

/**
 * The text of one file of an archive that was checked before; of several of one name the last, as unpacking leaves it.
 * A second pass over the disk: which file it is stands in the manifest, and that is often the archive's last entry.
 */
export async function readArchiveFile(
  archivePath: string,
  wanted: { readonly path: string; readonly stripComponents: 0 | 1; readonly bytesMax: number },
): Promise<ArchiveFile> {
  const name = cleanPath(wanted.path).join('/')
  let found: ArchiveFile = { kind: 'missing' }
  const take = async (header: ExtractEvents['entry'][0], stream: ExtractEvents['entry'][1]): Promise<void> => {
    const isWanted = header.type === 'file' && cleanPath(header.name).slice(wanted.stripComponents).join('/') === name
    const chunks: Buffer[] = []
    for await (const chunk of stream) if (isWanted && header.size <= wanted.bytesMax) chunks.push(chunk as Buffer)
    if (!isWanted) return
    found = header.size > wanted.bytesMax ? { kind: 'too_large' } : { kind: 'text', text: Buffer.concat(chunks).toString('utf8') }
  }
  const tar = extract()
  tar.on('entry', (header, stream, next) => {
    take(header, stream).then(
      () => next(),
      (error: unknown) => tar.destroy(error as Error),
    )
  })
  await pipeline(createReadStream(archivePath), createGunzip(), tar)
  return found
}

function cleanPath(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}
