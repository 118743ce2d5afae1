// Calls to the REST API with the session's cookie. Unsafe calls repeat the RSC-XSRF cookie in a header (publisher-api 1.7).
import type { ContentsWithProcesses } from '@berth/api-contract/berth.js'
import type { Content } from '@berth/api-contract/content.js'
import type { Job, JobLog } from '@berth/api-contract/job.js'
import type { User } from '@berth/api-contract/user.js'
import { LOG_LINES_MAX, REQUEST_TIMEOUT_MS } from './limits.js'

export type LogEntry = JobLog['entries'][number]

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0 when no answer came. */
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const BASE = new URL('../__api__/', document.baseURI)

export const api = {
  me: (): Promise<User> => call('GET', 'v1/user'),
  contents: (): Promise<Content[]> => call('GET', 'v1/content?include=owner'),
  /** What the caller manages, with its living processes. */
  managed: (): Promise<ContentsWithProcesses> => call('GET', 'berth/v1/contents'),
  content: (guid: string): Promise<Content> => call('GET', `v1/content/${guid}?include=owner`),
  jobs: (guid: string): Promise<Job[]> => call('GET', `v1/content/${guid}/jobs`),
  log: async (guid: string, key: string): Promise<readonly LogEntry[]> => {
    const log: JobLog = await call('GET', `v1/content/${guid}/jobs/${key}/log?maxLogLines=${LOG_LINES_MAX}`)
    return log.entries
  },
  stop: (guid: string, key: string): Promise<void> => call('DELETE', `v1/content/${guid}/jobs/${key}`),
  changeRunAs: (guid: string, account: string | null): Promise<Content> =>
    call('PATCH', `v1/content/${guid}`, { run_as: account }),
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-Rsc-Xsrf'] = cookie('RSC-XSRF') ?? ''
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(new URL(path, BASE), {
      method,
      headers,
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    throw new ApiError(0, 'The server does not answer. Trying again.')
  }
  const text = await response.text()
  const json: unknown =
    response.headers.get('content-type')?.startsWith('application/json') && text ? JSON.parse(text) : undefined
  if (!response.ok) throw new ApiError(response.status, errorText(json) ?? `The server answered ${response.status}.`)
  return json as T
}

function errorText(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('error' in json)) return undefined
  return typeof json.error === 'string' && json.error !== '' ? json.error : undefined
}

function cookie(name: string): string | undefined {
  for (const pair of document.cookie.split('; ')) {
    const at = pair.indexOf('=')
    if (pair.slice(0, at) === name) return decodeURIComponent(pair.slice(at + 1))
  }
  return undefined
}
