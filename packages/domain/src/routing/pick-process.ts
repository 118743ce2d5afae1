import type { StickyKey } from './cookies.js'
import type { FedProcess } from './route-table.js'

/** What the gateway knows about its processes. */
export interface ProcessFacts {
  connectionsOf(processId: string): number
  /** The visitor has a WebSocket open there: what belongs to that session must go there. */
  hasSession(sticky: StickyKey): boolean
  /** It refused a connection a moment ago. */
  isGone(processId: string): boolean
}

/**
 * Chooses the process for a visit (R-050; jobs-and-scaling 1.14, 3 and 11): the one the visitor is on, else the one with
 * the fewest connections. A draining process takes no new visitor, but keeps those who have a session on it.
 * Undefined: none, ask for one.
 *
 * @param sticky what the visitor's cookie says
 */
export function pickProcess(
  candidates: readonly FedProcess[],
  facts: ProcessFacts,
  sticky: StickyKey | undefined,
): FedProcess | undefined {
  let best: FedProcess | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    if (facts.isGone(candidate.processId)) continue
    if (sticky !== undefined && candidate.processId === sticky.processId && (!candidate.draining || facts.hasSession(sticky))) {
      return candidate
    }
    if (candidate.draining) continue
    const connections = facts.connectionsOf(candidate.processId)
    if (connections < fewest) {
      best = candidate
      fewest = connections
    }
  }
  return best
}
