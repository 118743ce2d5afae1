/** Why a process ended, as stored and shown. */
export type ExitReason = 'exited' | 'signal' | 'oom' | 'setup' | 'exec' | 'init_timeout' | 'stopped' | 'reboot' | 'monitor_lost'

/** The monitor's exit record. */
export interface ExitRecord {
  /** Of the target; 128+N when ended by signal N; 125, 126, 127 when it never ran. */
  readonly code: number
  /** 0 when it exited by itself. */
  readonly signal: number
  readonly reason: 'exited' | 'signal' | 'oom' | 'setup' | 'exec'
}

/** What the agent knows beside the record. */
export interface ExitFacts {
  /** Present when the monitor left a record. */
  readonly record: ExitRecord | undefined
  /** The agent was asked to end it, and had begun to. */
  readonly stopAsked: boolean
  readonly initTimedOut: boolean
  /** The host has started anew since the process began. */
  readonly rebooted: boolean
}

/**
 * One reason from all that is known. What we did ourselves (init timeout, stop) explains an end by signal or by the content's own
 * handler better than the signal does; running out of memory or never having started is said even then, because a person must act on it.
 * Pure and total.
 */
export function exitReason(facts: ExitFacts): ExitReason {
  const { record } = facts
  if (record === undefined) return facts.rebooted ? 'reboot' : 'monitor_lost'
  if (record.reason === 'oom' || record.reason === 'setup' || record.reason === 'exec') return record.reason
  if (facts.initTimedOut) return 'init_timeout'
  if (facts.stopAsked) return 'stopped'
  return record.reason
}

/** Code reported when nobody saw the end: as if killed, because the tree was. */
export const UNSEEN_EXIT = { code: 137, signal: 9 } as const
