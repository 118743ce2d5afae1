// Connections to one Unix socket: a process of content, or the control plane. Owns how many there are and how long an
// idle one is kept. Promises that a request which must not be sent twice gets a fresh connection.
import { CONNECTIONS_PER_PROCESS_MAX, IDLE_CONNECTION_MS_MAX, IDLE_CONNECTIONS_PER_PROCESS_MAX } from '../limits.js'
import { connectThrough, type ThroughOutcome } from './connect-through.js'
import { UpstreamConnection } from './upstream-connection.js'

export type TakeOutcome =
  | { readonly kind: 'connected'; readonly connection: UpstreamConnection }
  | Exclude<ThroughOutcome, { kind: 'connected' }>

export class ConnectionPool {
  readonly socketPath: string
  #idle: UpstreamConnection[] = []
  #open = 0

  constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  get isEmpty(): boolean {
    return this.#open === 0
  }

  /** @param fresh never give one that carried a request before: the other side may be closing it */
  take(fresh: boolean, done: (outcome: TakeOutcome) => void): void {
    if (!fresh) {
      for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
        if (connection.usable) {
          done({ kind: 'connected', connection })
          return
        }
      }
    }
    if (this.#open >= CONNECTIONS_PER_PROCESS_MAX && !this.#dropOldestIdle()) {
      done({ kind: 'busy' })
      return
    }
    this.#open += 1
    this.#connect(done)
  }

  /** Closes what was idle too long. Called by the sweep. */
  closeIdle(nowMs: number): void {
    const keep: UpstreamConnection[] = []
    for (const connection of this.#idle) {
      if (connection.usable && nowMs - connection.idleSinceMs < IDLE_CONNECTION_MS_MAX) keep.push(connection)
      else connection.close()
    }
    this.#idle = keep
  }

  closeAllIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close()
  }

  #connect(done: (outcome: TakeOutcome) => void): void {
    connectThrough(this.socketPath, (outcome) => {
      if (outcome.kind === 'connected') {
        done({ kind: 'connected', connection: new UpstreamConnection(outcome.socket, this.#keep, this.#forget) })
        return
      }
      this.#open -= 1
      done(outcome)
    })
  }

  readonly #keep = (connection: UpstreamConnection): void => {
    if (this.#idle.length >= IDLE_CONNECTIONS_PER_PROCESS_MAX) {
      connection.close()
      return
    }
    connection.idleSinceMs = Date.now()
    this.#idle.push(connection)
  }

  readonly #forget = (connection: UpstreamConnection): void => {
    this.#open -= 1
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  #dropOldestIdle(): boolean {
    const oldest = this.#idle.shift()
    oldest?.close()
    return oldest !== undefined
  }
}

/** A pool per socket path; empty ones are forgotten. */
export class ConnectionPools {
  readonly #pools = new Map<string, ConnectionPool>()

  get(socketPath: string): ConnectionPool {
    let pool = this.#pools.get(socketPath)
    if (pool === undefined) {
      pool = new ConnectionPool(socketPath)
      this.#pools.set(socketPath, pool)
    }
    return pool
  }

  sweep(nowMs: number): void {
    for (const [path, pool] of this.#pools) {
      pool.closeIdle(nowMs)
      if (pool.isEmpty) this.#pools.delete(path)
    }
  }

  closeIdle(): void {
    for (const pool of this.#pools.values()) pool.closeAllIdle()
  }
}
