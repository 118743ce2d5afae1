export interface CrashPolicy {
  readonly windowMs: number
  readonly failuresMax: number
  readonly holdMs: number
}

export type CrashDecision = { readonly kind: 'start' } | { readonly kind: 'hold'; readonly untilMs: number }

/**
 * Whether a bundle whose processes ended before they were ready may be tried again now. Facts are the stored ends
 * (milliseconds), so a restart of ours forgets nothing; a success in between makes the caller pass only later failures.
 */
export function decideCrashHold(failuresAtMs: readonly number[], nowMs: number, policy: CrashPolicy): CrashDecision {
  const recent = failuresAtMs.filter((at) => nowMs - at < policy.windowMs && at <= nowMs)
  if (recent.length < policy.failuresMax) return { kind: 'start' }
  const untilMs = Math.max(...recent) + policy.holdMs
  return nowMs < untilMs ? { kind: 'hold', untilMs } : { kind: 'start' }
}
