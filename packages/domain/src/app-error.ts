/** Why an operation failed, in a closed set; each transport maps it exhaustively (http/error.filter, grpc/status-map). */
export type AppErrorCode =
  | 'internal'
  | 'unavailable' // something we depend on is away: try again
  | 'not_found'
  | 'unauthenticated'
  | 'forbidden'
  | 'conflict'
  | 'invalid'
  | 'too_large'
  | 'too_many'
  | 'unsupported'

/**
 * A failed operation. `message` is for the person who asked and describes its own level only; the cause is chained.
 * `apiCode` is the number of spec/publisher-api 1.9 where the REST clients know one.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: AppErrorCode
  readonly apiCode: number | undefined

  constructor(code: AppErrorCode, message: string, options: { apiCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.apiCode = options.apiCode
  }
}

/** One line for logs: the message and every cause behind it. */
export function errorChain(error: unknown): string {
  const parts: string[] = []
  for (let at = error; at !== undefined && parts.length < 10; at = at instanceof Error ? at.cause : undefined) {
    parts.push(at instanceof Error ? at.message : String(at))
  }
  return parts.join(': ')
}
