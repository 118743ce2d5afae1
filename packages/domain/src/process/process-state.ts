import { assertNever } from '../assert.js'

/**
 * Phases of a process as observed. Intent (run → drain → stop) is another column with another writer.
 * The only writer of phases is applyObservation.
 */
export type ProcessPhase = 'assigned' | 'preparing' | 'starting' | 'ready' | 'refused' | 'exited' | 'lost'

export const NEXT_PHASES = {
  assigned: ['preparing', 'refused', 'exited', 'lost'],
  preparing: ['starting', 'refused', 'exited', 'lost'],
  starting: ['ready', 'exited', 'lost'],
  ready: ['exited', 'lost'],
  lost: ['exited'], // the node came back and told us
  refused: [],
  exited: [],
} as const satisfies Record<ProcessPhase, readonly ProcessPhase[]>

/** What an agent's lifecycle event says about the phase. `finalized` ends the bookkeeping and changes no phase. */
export type Observation = 'accepted' | 'refused' | 'started' | 'ready' | 'exited' | 'finalized' | 'lost'

export interface ProcessRecord {
  readonly phase: ProcessPhase
  /** Number of the last event applied; dense from 1. */
  readonly lastSeq: number
}

export type Applied =
  | { readonly kind: 'changed'; readonly next: ProcessRecord }
  | { readonly kind: 'ignored'; readonly why: 'duplicate' }
  | { readonly kind: 'gap'; readonly resendAfter: number }
  | { readonly kind: 'impossible'; readonly next: ProcessRecord; readonly why: string } // stored and alarmed, never thrown

/** Pure and total. An event that cannot follow is counted, so that the next one is not a gap, but moves nothing. */
export function applyObservation(record: ProcessRecord, event: { seq: number; observation: Observation }): Applied {
  if (event.seq <= record.lastSeq) return { kind: 'ignored', why: 'duplicate' }
  if (event.seq > record.lastSeq + 1) return { kind: 'gap', resendAfter: record.lastSeq }
  const phase = phaseAfter(event.observation)
  if (phase === undefined || phase === record.phase) return { kind: 'changed', next: { ...record, lastSeq: event.seq } }
  const allowed: readonly ProcessPhase[] = NEXT_PHASES[record.phase]
  if (!allowed.includes(phase)) {
    return { kind: 'impossible', next: { ...record, lastSeq: event.seq }, why: `${record.phase} cannot become ${phase}` }
  }
  return { kind: 'changed', next: { phase, lastSeq: event.seq } }
}

export function isLive(phase: ProcessPhase): boolean {
  return phase !== 'exited' && phase !== 'refused'
}

function phaseAfter(observation: Observation): ProcessPhase | undefined {
  switch (observation) {
    case 'accepted':
      return 'preparing'
    case 'refused':
      return 'refused'
    case 'started':
      return 'starting'
    case 'ready':
      return 'ready'
    case 'exited':
      return 'exited'
    case 'lost':
      return 'lost'
    case 'finalized':
      return undefined
    default:
      return assertNever(observation)
  }
}
