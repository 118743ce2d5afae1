// Calls of the REST API as a test makes them: raw enough to see status, headers and bodies of refusals.
import { REST_TIMEOUT_MS } from './limits.js'

export interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it expects and fails where that is wrong
  readonly json: any
}

export interface RestOptions {
  readonly key?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export type RestBody = unknown

/** A client for one address and key. Paths below the API start with `/v1`; others with `//`, as `//content/GUID/`. */
export class RestClient {
  readonly address: string
  readonly key: string | null

  constructor(address: string, key: string | null) {
    this.address = address.replace(/\/$/, '')
    this.key = key
  }

  as(key: string | null): RestClient {
    return new RestClient(this.address, key)
  }

  url(path: string): string {
    if (/^https?:/.test(path)) return path
    return path.startsWith('//') ? `${this.address}${path.slice(1)}` : `${this.address}/__api__${path}`
  }

  async call(method: string, path: string, body?: RestBody, options: RestOptions = {}): Promise<RestAnswer> {
    const key = options.key === undefined ? this.key : options.key
    const headers: Record<string, string> = { ...options.headers }
    if (key !== null) headers.Authorization ??= `Key ${key}`
    let payload: string | Uint8Array<ArrayBuffer> | undefined
    if (body instanceof Uint8Array) payload = new Uint8Array(body)
    else if (body !== undefined) {
      headers['Content-Type'] ??= 'application/json'
      payload = JSON.stringify(body)
    }
    const response = await fetch(this.url(path), {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs ?? REST_TIMEOUT_MS),
      ...(payload === undefined ? {} : { body: payload }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parse(text) }
  }

  get(path: string, options?: RestOptions): Promise<RestAnswer> {
    return this.call('GET', path, undefined, options)
  }

  /** As `call`, but anything but 2xx is an error that shows the answer. */
  async ok(method: string, path: string, body?: RestBody, options?: RestOptions): Promise<RestAnswer> {
    const answer = await this.call(method, path, body, options)
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text.slice(0, 2_000)}`)
    }
    return answer
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
