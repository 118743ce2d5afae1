import type { FedProcess } from './route-table.js'

export interface PickFacts {
  /** Process that the visitor's cookie names. */
  readonly stickyProcessId: string | undefined
  /** The visitor has a WebSocket open on the sticky process: what belongs to that session must go there. */
  readonly stickySessionOpen: boolean
  connectionsOf(processId: string): number
  /** It refused a connection a moment ago. */
  isGone(processId: string): boolean
}

/**
 * Chooses the process for a visit (R-050; jobs-and-scaling 1.14, 3 and 11): the one the visitor is on, else the one with
 * the fewest connections. A draining process takes no new visitor, but keeps those who have a session on it.
 * Undefined: none, ask for one.
 */
export function pickProcess(candidates: readonly FedProcess[], facts: PickFacts): FedProcess | undefined {
  let best: FedProcess | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    if (facts.isGone(candidate.processId)) continue
    if (candidate.processId === facts.stickyProcessId && (!candidate.draining || facts.stickySessionOpen)) return candidate
    if (candidate.draining) continue
    const connections = facts.connectionsOf(candidate.processId)
    if (connections < fewest) {
      best = candidate
      fewest = connections
    }
  }
  return best
}
