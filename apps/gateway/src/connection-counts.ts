import type { ProcessLoad } from '@berth/protocol/gen/berth/gateway/v1/route.js'

interface Count {
  connections: number
  lastEndedMs: number
}

/**
 * What visitors have open on each process: HTTP while in flight, a WebSocket for its life (jobs-and-scaling 1.14, 3).
 * Counting happens in the same turn as picking, so no report lies between the two.
 */
export class ConnectionCounts {
  readonly #counts = new Map<string, Count>()
  /** Open WebSockets by process and visit: sessions that stay on a draining process. */
  readonly #sessions = new Map<string, number>()

  connectionsOf(processId: string): number {
    return this.#counts.get(processId)?.connections ?? 0
  }

  opened(processId: string): void {
    const count = this.#counts.get(processId)
    if (count === undefined) this.#counts.set(processId, { connections: 1, lastEndedMs: Date.now() })
    else count.connections += 1
  }

  closed(processId: string): void {
    const count = this.#counts.get(processId)
    if (count === undefined) return
    count.connections -= 1
    count.lastEndedMs = Date.now()
  }

  sessionOpened(processId: string, visit: string): void {
    const key = `${processId}.${visit}`
    this.#sessions.set(key, (this.#sessions.get(key) ?? 0) + 1)
  }

  sessionClosed(processId: string, visit: string): void {
    const key = `${processId}.${visit}`
    const left = (this.#sessions.get(key) ?? 0) - 1
    if (left <= 0) this.#sessions.delete(key)
    else this.#sessions.set(key, left)
  }

  hasSession(processId: string, visit: string): boolean {
    return this.#sessions.has(`${processId}.${visit}`)
  }

  /** Complete: every routed process and every one with a connection. Others are forgotten. */
  report(routed: Iterable<string>, nowMs: number): ProcessLoad[] {
    const known = new Set<string>()
    for (const processId of routed) {
      known.add(processId)
      // First seen now: idle from here on.
      if (!this.#counts.has(processId)) this.#counts.set(processId, { connections: 0, lastEndedMs: nowMs })
    }
    const loads: ProcessLoad[] = []
    for (const [processId, count] of this.#counts) {
      if (count.connections === 0 && !known.has(processId)) {
        this.#counts.delete(processId)
        continue
      }
      const idleMs = count.connections === 0 ? Math.max(0, nowMs - count.lastEndedMs) : 0
      loads.push({ processId, connections: count.connections, idleMs: Math.min(idleMs, 0xffffffff) })
    }
    return loads
  }
}
