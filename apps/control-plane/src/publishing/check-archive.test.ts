import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { type ArchiveCheck, checkArchive } from './check-archive.js'

const limits = { bytesMax: 1 << 20, unpackedBytesMax: 64 << 20, filesMax: 50, ratioMax: 100 }

interface Entry {
  readonly name: string
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'character-device' | 'block-device'
  readonly data?: string | Buffer
  readonly linkname?: string
  readonly pax?: Record<string, string>
}

const manifest = { name: 'manifest.json', data: '{"version":1}' }

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack()
  for (const { name, type = 'file', data = '', linkname = '', pax } of entries) {
    stream.entry({ name, type, linkname, ...(pax === undefined ? {} : { pax }) }, type === 'file' ? data : '')
  }
  stream.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function check(...entries: readonly Entry[]): Promise<ArchiveCheck> {
  return checkBytes(gzipSync(await tar(entries)))
}

function checkBytes(bytes: Buffer, chunkBytes = 1000): Promise<ArchiveCheck> {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes))
  return checkArchive(Readable.from(chunks), limits)
}

describe('accepted', () => {
  test('files and directories, the manifest last', async () => {
    const result = await check(
      { name: 'app.py', data: 'x' },
      { name: 'static/', type: 'directory' },
      { name: 'static/a b.css' },
      manifest,
    )
    expect(result).toMatchObject({ kind: 'archive', facts: { fileCount: 4, stripComponents: 0, manifest: '{"version":1}' } })
  })

  test('names that begin with ./ and the root itself', async () => {
    const result = await check({ name: './', type: 'directory' }, { name: './manifest.json', data: '{}' }, { name: './app.R' })
    expect(result).toMatchObject({ kind: 'archive', facts: { stripComponents: 0, manifest: '{}' } })
  })

  test('everything in a single directory is taken out of it', async () => {
    const result = await check(
      { name: 'site/', type: 'directory' },
      { name: 'site/a/manifest.json' },
      { ...manifest, name: 'site/manifest.json' },
    )
    expect(result).toMatchObject({ kind: 'archive', facts: { stripComponents: 1, manifest: '{"version":1}' } })
  })

  test('two directories at the root are left alone', async () => {
    const result = await check({ ...manifest, name: 'a/manifest.json' }, { name: 'b/x' })
    expect(result).toMatchObject({ kind: 'archive', facts: { stripComponents: 0, manifest: undefined } })
  })

  test('a single directory beside a manifest is left alone', async () => {
    const result = await check({ name: 'a/manifest.json', data: 'inner' }, manifest)
    expect(result).toMatchObject({ kind: 'archive', facts: { stripComponents: 0, manifest: '{"version":1}' } })
  })

  test('long names and backslashes', async () => {
    const result = await check({ name: `${'d'.repeat(200)}/${'f'.repeat(200)}` }, { name: 'a\\..\\b' }, manifest)
    expect(result).toMatchObject({ kind: 'archive', facts: { fileCount: 3 } })
  })

  test('the counted bytes', async () => {
    const bytes = gzipSync(await tar([manifest]))
    const result = await checkBytes(bytes)
    expect(result).toMatchObject({ kind: 'archive', facts: { archiveBytes: bytes.length, unpackedBytes: 2048 } })
  })

  test('text that compresses well below the floor', async () => {
    expect((await check({ name: 'zeros', data: Buffer.alloc(6 << 20) }, manifest)).kind).toBe('archive')
  })
})

describe('refused', () => {
  test.each<[string, Entry, string]>([
    ['an absolute path', { name: '/etc/passwd' }, 'absolute path'],
    ['a path that leads out', { name: 'a/../../x' }, 'leads out'],
    ['two dots alone', { name: '..', type: 'directory' }, 'leads out'],
    ['a symbolic link', { name: 'link', type: 'symlink', linkname: '/etc' }, 'symbolic link'],
    ['a symbolic link inside', { name: 'link', type: 'symlink', linkname: 'app.py' }, 'symbolic link'],
    ['a hard link', { name: 'hard', type: 'link', linkname: 'app.py' }, 'hard link'],
    ['a named pipe', { name: 'pipe', type: 'fifo' }, 'named pipe'],
    ['a character device', { name: 'null', type: 'character-device' }, 'device'],
    ['a block device', { name: 'sda', type: 'block-device' }, 'device'],
    ['a name that is too long', { name: 'x'.repeat(256) }, 'more than 255 bytes'],
    ['a path that is too long', { name: Array(30).fill('x'.repeat(200)).join('/') }, 'more than 4096 bytes'],
    ['a path hidden in an extended header', { name: 'fine', pax: { path: '../x' } }, 'leads out'],
    ['a sparse file', { name: 'fine', pax: { 'GNU.sparse.name': '../x' } }, 'sparse'],
  ])('%s, with its name', async (_name, entry, why) => {
    const result = await check({ name: 'app.py', data: 'x' }, entry, manifest)
    expect(result).toMatchObject({ kind: 'refuse', apiCode: 135 })
    if (result.kind === 'refuse') {
      expect(result.message).toContain(why)
      expect(result.message).toContain(JSON.stringify((entry.pax?.path ?? entry.name).slice(0, 10)).slice(0, -1))
    }
  })

  test('nothing', async () => {
    expect(await checkBytes(Buffer.alloc(0))).toMatchObject({ kind: 'refuse', apiCode: 125 })
  })

  test('what is not gzip', async () => {
    expect(await checkBytes(await tar([manifest]))).toMatchObject({ kind: 'refuse', apiCode: 135 })
  })

  test('what is gzip but not tar', async () => {
    expect(await checkBytes(gzipSync(randomBytes(5000)))).toMatchObject({ kind: 'refuse', apiCode: 135 })
  })

  test('an archive that was cut anywhere', async () => {
    const bytes = gzipSync(await tar([{ name: 'data', data: randomBytes(20_000) }, manifest]))
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      const result = await checkBytes(bytes.subarray(0, Math.floor(bytes.length * share)))
      expect(result).toMatchObject({ kind: 'refuse', apiCode: 135, message: expect.stringContaining('ends too early') })
    }
  })

  test('a tar that was cut before it was compressed', async () => {
    const bytes = gzipSync((await tar([{ name: 'data', data: randomBytes(20_000) }])).subarray(0, 10_000))
    expect(await checkBytes(bytes)).toMatchObject({ kind: 'refuse', apiCode: 135 })
  })

  test('too many files', async () => {
    const entries = Array.from({ length: 51 }, (_, index) => ({ name: `f${index}` }))
    expect(await check(...entries)).toMatchObject({ kind: 'refuse', tooLarge: true })
  })

  test('an archive over the size limit', async () => {
    expect(await check({ name: 'big', data: randomBytes(1_100_000) })).toMatchObject({ kind: 'refuse', tooLarge: true })
  })

  test('a bomb, early, by its ratio', async () => {
    const member = gzipSync(Buffer.alloc(1 << 20))
    const header = (await tar([{ name: 'zeros', data: Buffer.alloc(1) }])).subarray(0, 512)
    header.write(`${(10 * 2 ** 30 - 1).toString(8).padStart(11, '0')}\0`, 124)
    header.fill(' ', 148, 156)
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    let produced = 0
    const source = Readable.from(
      (function* () {
        yield gzipSync(header)
        for (; produced < 10 * 1024; produced += 1) yield member
      })(),
    )
    const result = await checkArchive(source, { ...limits, bytesMax: 1 << 30, unpackedBytesMax: 2 ** 40 })
    expect(result).toMatchObject({ kind: 'refuse', tooLarge: true, message: expect.stringContaining('decompression bomb') })
    expect(produced).toBeLessThan(512)
    expect(source.destroyed).toBe(true)
  })
})

test('a source that fails is not a bad archive', async () => {
  const half = gzipSync(await tar([manifest])).subarray(0, 40)
  const source = new Readable({ read() {} })
  source.push(half)
  setImmediate(() => source.destroy(new Error('the client went away')))
  await expect(checkArchive(source, limits)).rejects.toThrow('the client went away')
})
