import type { Readable } from 'node:stream'
import { bundleMetadataInput } from '@berth/api-contract/bundle.js'
import { AppError } from '@berth/domain/app-error.js'
import type { FastifyRequest } from 'fastify'
import { BUNDLE_METADATA_BYTES_MAX, REFUSED_UPLOAD_READ_BYTES_MAX } from '../rest-limits.js'
import type { Bundle, BundleMetadata } from './bundle.store.js'
import type { StagedUpload } from './upload-bundle.js'

export const NO_METADATA: BundleMetadata = { source: null, source_repo: null, source_branch: null, source_commit: null }

export type Receive = (source: Readable, use: (staged: StagedUpload) => Promise<Bundle>) => Promise<Bundle>

/**
 * The archive of an upload as a stream: the body itself whatever its type says, or the part `archive` of a form beside which a
 * part `metadata` may come, in either order. Source: publisher-api 1.1 rule 4, 2.3.
 */
export async function readUpload(request: FastifyRequest, receive: Receive): Promise<Bundle> {
  try {
    return request.isMultipart()
      ? await readForm(request, receive)
      : await receive(request.raw, (staged) => staged.commit(NO_METADATA))
  } catch (error) {
    await readOn(request.raw)

    throw error
  }
}

async function readForm(request: FastifyRequest, receive: Receive): Promise<Bundle> {
  let metadata = NO_METADATA
  const parts = request.parts({
    limits: { fields: 10, files: 1, fieldSize: BUNDLE_METADATA_BYTES_MAX, fileSize: Number.POSITIVE_INFINITY },
  })
  const readRest = async (): Promise<void> => {
    for await (const part of parts) {
      if (part.type === 'field' && part.fieldname === 'metadata') metadata = parseMetadata(part.value)
      else if (part.type === 'file' && part.fieldname === 'metadata') metadata = parseMetadata(await text(part.file))
    }
  }
  for await (const part of parts) {
    if (part.fieldname === 'metadata') {
      metadata = parseMetadata(part.type === 'field' ? part.value : await text(part.file))
    } else if (part.type === 'file' && part.fieldname === 'archive') {
      return await receive(part.file, async (staged) => {
        await readRest()
        return staged.commit(metadata)
      })
    } else if (part.type === 'file') part.file.resume()
  }
  throw new AppError('invalid', 'The form has no part "archive" with a file.', { apiCode: 12 })
}

/** A field that says it is JSON comes parsed. */
function parseMetadata(field: unknown): BundleMetadata {
  let value: unknown
  try {
    value = typeof field === 'string' ? JSON.parse(field) : field
  } catch (cause) {
    throw new AppError('invalid', 'The part "metadata" is not JSON.', { apiCode: 121, cause })
  }
  const parsed = bundleMetadataInput.safeParse(value)
  if (!parsed.success) throw new AppError('invalid', 'The part "metadata" is not an object of texts.', { apiCode: 25 })
  const clean = (text: string | null | undefined): string | null => text?.replaceAll('\0', '') ?? null
  return {
    source: clean(parsed.data.source),
    source_repo: clean(parsed.data.source_repo),
    source_branch: clean(parsed.data.source_branch),
    source_commit: clean(parsed.data.source_commit),
  }
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length
    if (bytes > BUNDLE_METADATA_BYTES_MAX)
      throw new AppError('too_large', `"metadata" has at most ${BUNDLE_METADATA_BYTES_MAX} bytes.`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * Clients read the answer only after they have sent everything: a connection that is cut while they send shows them a broken
 * pipe instead of the reason. What is left is thrown away, up to a limit.
 */
function readOn(body: Readable): Promise<void> {
  if (body.readableEnded || body.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    let bytes = 0
    const done = (): void => {
      body.off('data', count)
      resolve()
    }
    const count = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > REFUSED_UPLOAD_READ_BYTES_MAX) done()
    }
    body.unpipe()
    body.on('data', count)
    body.once('end', done)
    body.once('error', done)
    body.once('close', done)
    body.resume()
  })
}
