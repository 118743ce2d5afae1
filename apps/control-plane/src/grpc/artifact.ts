import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@berth/domain/app-error.js'
import type { Sql } from '../platform/postgres.js'

const SHA256 = /^[0-9a-f]{64}$/

/**
 * Sends an archive byte for byte, whole or one range, to the node that has a process which unpacks it.
 * Source: RFC 9110, 14 (one range; anything else is answered whole or with 416).
 */
export async function sendBundle(
  deps: { readonly sql: Sql; readonly dataDir: string },
  nodeId: string,
  sha256: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!SHA256.test(sha256)) throw new AppError('not_found', 'no such archive')
  const [bundle] = await deps.sql<{ id: bigint; content_guid: string }[]>`
    select b.id, b.content_guid from bundles b join processes p on p.bundle_id = b.id
    where b.archive_sha256 = ${sha256} and p.node_id = ${nodeId} and p.phase not in ('exited', 'refused') limit 1`
  if (bundle === undefined) throw new AppError('not_found', 'no process of this node needs that archive')
  const path = join(deps.dataDir, 'bundles', bundle.content_guid, `${bundle.id}.tar.gz`)
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new AppError('not_found', `the archive of bundle ${bundle.id} is not in the data directory`, { cause })
  })
  const range = rangeOf(request.headers.range, size)
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
    return
  }
  const length = range === undefined ? size : range.end - range.start + 1
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': 'application/gzip',
    'accept-ranges': 'bytes',
    etag: `"${sha256}"`,
    'content-length': length,
    ...(range === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end}/${size}` }),
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const file = createReadStream(path, range ?? {})
  try {
    await pipeline(file, response)
  } catch (error) {
    // An agent that has all of it hangs up at once, perhaps before we have seen the file's end. It checks length and digest itself.
    const hungUp = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
    if (!hungUp || file.bytesRead < length) throw error
  }
}

function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (start >= size) return 'unsatisfiable'
  return start > end ? undefined : { start, end }
}
