export interface IdleFacts {
  readonly intent: 'run' | 'drain' | 'stop'
  readonly ready: boolean
  /** Over all gateways; null = some gateway that routes to it has not reported: nothing is known. */
  readonly connections: number | null
  /** Since the last connection ended, or since it became ready when there was none. */
  readonly idleMs: number
  /** 0 = never */
  readonly idleTimeoutMs: number
  /** While draining: every gateway has confirmed a snapshot that shows it draining, so no new visit can begin. */
  readonly drainConfirmed: boolean
}

export type IdleDecision = 'keep' | 'drain' | 'stop'

/**
 * run → drain after the idle timeout without connections → stop once no visit can begin and none is left.
 * Draining before the signal is what keeps a visit from beginning on a process that ends. Source: R-054, jobs-and-scaling 1.14 (7, 11).
 */
export function decideIdle(facts: IdleFacts): IdleDecision {
  if (!facts.ready || facts.connections === null || facts.connections > 0) return 'keep'
  if (facts.intent === 'run') return facts.idleTimeoutMs > 0 && facts.idleMs >= facts.idleTimeoutMs ? 'drain' : 'keep'
  if (facts.intent === 'drain') return facts.drainConfirmed ? 'stop' : 'keep'
  return 'keep'
}
