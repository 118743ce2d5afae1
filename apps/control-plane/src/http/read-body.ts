import { AppError } from '@berth/domain/app-error.js'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BODY_TIMEOUT_MS, JSON_BODY_BYTES_MAX } from '../rest-limits.js'

/** A small body as it came. Nothing is parsed before the guard has looked at the credential. */
export class RawBody {
  readonly bytes: Buffer
  readonly contentType: string
  constructor(bytes: Buffer, contentType: string) {
    this.bytes = bytes
    this.contentType = contentType
  }

  /** undefined = no body. */
  json(): unknown {
    const text = this.bytes.toString('utf8').trim()
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new AppError('invalid', 'The body is not JSON.', { apiCode: 121, cause })
    }
  }

  form(): URLSearchParams {
    return new URLSearchParams(this.bytes.toString('utf8'))
  }
}

/**
 * Takes over from fastify's own parsers: uploads are left on the socket for their handler, everything else becomes a RawBody
 * within a size and a time. Source: publisher-api 1.1, rules 3 and 4.
 */
export function registerBodyReader(instance: FastifyInstance, isUpload: (request: FastifyRequest) => boolean): void {
  instance.removeAllContentTypeParsers()
  instance.addContentTypeParser('*', (request, payload, done) => {
    if (isUpload(request)) return done(null, undefined)
    const chunks: Buffer[] = []
    let bytes = 0
    const end = (error: Error | null, body?: RawBody): void => {
      clearTimeout(timer)
      payload.removeAllListeners('data')
      done(error, body)
    }
    const timer = setTimeout(() => {
      payload.resume()
      end(new AppError('invalid', 'The body did not come in time.', { apiCode: 126 }))
    }, BODY_TIMEOUT_MS)
    payload.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= JSON_BODY_BYTES_MAX) return void chunks.push(chunk)
      payload.removeAllListeners('end')
      payload.resume()
      end(new AppError('too_large', `A body has at most ${JSON_BODY_BYTES_MAX} bytes.`))
    })
    payload.once('end', () => end(null, new RawBody(Buffer.concat(chunks), request.headers['content-type'] ?? '')))
    payload.once('error', (error: Error) => end(error))
  })
}
