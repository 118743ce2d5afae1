import type { ProcessId } from '../ids.js'

export interface WantedWorkload {
  readonly id: ProcessId
  readonly intent: 'run' | 'drain' | 'stop'
  /** Set with `stop`; why, for the record. */
  readonly stopReason: string
}

/** What the host has of one process: `over` = its end is recorded, only bookkeeping is left. */
export interface KnownWorkload {
  readonly id: ProcessId
  readonly state: 'live' | 'over'
  readonly stopping: boolean
}

export interface WorkloadDiff {
  /** Never tried on this host: make their run directory and start. In the order wanted. */
  readonly start: readonly ProcessId[]
  /** Wanted stopped before they were ever tried: record that and start nothing. */
  readonly skip: readonly { readonly id: ProcessId; readonly reason: string }[]
  readonly stop: readonly { readonly id: ProcessId; readonly reason: string }[]
}

/** Reason of a stop when the control plane's set does not name a process that lives here. */
export const NOT_WANTED = 'not_wanted'

/**
 * What to do so that the host has what is wanted. The set is complete: what lives here and is not in it ends.
 * A process that is known, even if over, is never started again (I1). Draining is the gateway's business: here it runs on.
 * Pure; applying the result and diffing again gives nothing to do.
 */
export function diffWorkloads(wanted: readonly WantedWorkload[], known: readonly KnownWorkload[]): WorkloadDiff {
  const knownById = new Map(known.map((one) => [one.id, one]))
  const wantedById = new Map(wanted.map((one) => [one.id, one]))
  const start: ProcessId[] = []
  const skip: { id: ProcessId; reason: string }[] = []
  const stop: { id: ProcessId; reason: string }[] = []
  for (const one of wantedById.values()) {
    if (knownById.has(one.id)) continue
    if (one.intent === 'stop') skip.push({ id: one.id, reason: one.stopReason })
    else start.push(one.id)
  }
  for (const one of knownById.values()) {
    if (one.state === 'over' || one.stopping) continue
    const want = wantedById.get(one.id)
    if (want === undefined) stop.push({ id: one.id, reason: NOT_WANTED })
    else if (want.intent === 'stop') stop.push({ id: one.id, reason: want.stopReason })
  }
  return { start, skip, stop }
}
