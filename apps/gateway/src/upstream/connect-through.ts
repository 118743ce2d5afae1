import type { Socket } from 'node:net'
import { BACKLOG_RETRIES_MAX, BACKLOG_RETRY_MS, CONNECT_TIMEOUT_MS } from '../limits.js'
import { connectUnix } from './upstream-connection.js'

export type ThroughOutcome =
  | { readonly kind: 'connected'; readonly socket: Socket }
  /** Nobody listens there: no byte was sent. */
  | { readonly kind: 'gone'; readonly code: string }
  /** It listens, and takes nobody any more. */
  | { readonly kind: 'busy' }

/** Connects to a process, with patience for a full backlog: on a Unix socket that is EAGAIN at once, not a wait. */
export function connectThrough(socketPath: string, done: (outcome: ThroughOutcome) => void, attempt = 0): void {
  connectUnix(socketPath, CONNECT_TIMEOUT_MS, (outcome) => {
    if (outcome.kind === 'connected') done(outcome)
    else if (outcome.code !== 'EAGAIN' && outcome.code !== 'ETIMEDOUT') done({ kind: 'gone', code: outcome.code })
    else if (outcome.code === 'ETIMEDOUT' || attempt >= BACKLOG_RETRIES_MAX) done({ kind: 'busy' })
    else setTimeout(() => connectThrough(socketPath, done, attempt + 1), BACKLOG_RETRY_MS)
  })
}
