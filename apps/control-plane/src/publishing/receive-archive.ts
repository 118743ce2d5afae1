import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { type Readable, Transform } from 'node:stream'
import type { BundleLimits } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { UPLOAD_IDLE_TIMEOUT_MS } from '../rest-limits.js'
import { type ArchiveCheck, type ArchiveFacts, checkArchive } from './check-archive.js'

export type ReceivedArchive =
  | {
      readonly kind: 'received'
      /** Complete and flushed; the receiver renames or removes it. */
      readonly path: string
      readonly facts: ArchiveFacts
      /** Hex. */
      readonly sha256: string
      readonly sha1: string
      readonly md5: string
    }
  | Extract<ArchiveCheck, { kind: 'refuse' }>

/**
 * Stores what streams in at the path while it is hashed, counted and judged; one pass, constant memory.
 * After a refusal or a failure nothing is left at the path. The source is left unread from there on, not destroyed.
 */
export async function receiveArchive(source: Readable, path: string, limits: BundleLimits): Promise<ReceivedArchive> {
  const hashes = { sha256: createHash('sha256'), sha1: createHash('sha1'), md5: createHash('md5') }
  const file = await open(path, 'wx', 0o600)
  let kept = false
  const store = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const hash of Object.values(hashes)) hash.update(chunk)
      writeAll(file, chunk).then(
        () => done(null, chunk),
        (cause: unknown) =>
          done(new AppError('unavailable', 'The bundle cannot be stored: the disk is full or fails.', { apiCode: 134, cause })),
      )
    },
  })
  const disconnect = connect(source, store)
  try {
    const check = await checkArchive(store, limits)
    if (check.kind === 'refuse') return check
    await file.sync()
    kept = true
    return {
      kind: 'received',
      path,
      facts: check.facts,
      sha256: hashes.sha256.digest('hex'),
      sha1: hashes.sha1.digest('hex'),
      md5: hashes.md5.digest('hex'),
    }
  } finally {
    disconnect()
    store.destroy()
    await file.close()
    if (!kept) await rm(path, { force: true })
  }
}

/** Like pipe, but a source that breaks off or falls silent fails the target. Returns the way to end it. */
function connect(source: Readable, target: Transform): () => void {
  const fail = (message: string, cause?: unknown): void => {
    target.destroy(new AppError('invalid', message, { apiCode: 126, cause }))
  }
  const silence = setTimeout(
    () => fail(`The upload stopped: no data came for ${UPLOAD_IDLE_TIMEOUT_MS / 1000} seconds.`),
    UPLOAD_IDLE_TIMEOUT_MS,
  )
  const onData = (): void => {
    silence.refresh()
  }
  const onError = (cause: unknown): void => fail('The upload broke off.', cause)
  const onClose = (): void => {
    if (!source.readableEnded) fail('The upload broke off.')
  }
  source.on('data', onData)
  source.on('error', onError)
  source.on('close', onClose)
  source.pipe(target)
  // It may have broken off while the rights were looked up: those events are over.
  if (source.destroyed) onClose()
  return () => {
    clearTimeout(silence)
    source.unpipe(target)
    source.off('data', onData)
    source.off('close', onClose)
    // The error listener stays: an error that comes later must not end the program.
  }
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at)
    at += bytesWritten
  }
}
