import { AppError } from '@berth/domain/app-error.js'

/** The REST API as any publishing client sees it. */
export class ApiClient {
  readonly #base: string
  readonly #authorization: string

  /** base: such as http://127.0.0.1:3939. authorization: the header's value, `Key …` or `Connect-Bootstrap …`. */
  constructor(base: string, authorization: string) {
    this.#base = base
    this.#authorization = authorization
  }

  async call<T>(method: string, path: string, body?: object | Buffer): Promise<T> {
    const headers: Record<string, string> = { authorization: this.#authorization }
    if (body !== undefined) headers['content-type'] = Buffer.isBuffer(body) ? 'application/gzip' : 'application/json'
    const response = await fetch(`${this.#base}/__api__${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) {
      throw new AppError('invalid', `${method} ${path} answered ${response.status}: ${errorText(text)}`)
    }
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
}

function errorText(body: string): string {
  try {
    return String((JSON.parse(body) as { error?: unknown }).error ?? body)
  } catch {
    return body.slice(0, 200)
  }
}
