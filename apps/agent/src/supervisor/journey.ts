import type { JourneyEntry } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'

/** The steps of one start so far: when each began, how long it took, and which one failed why. */
export class Journey {
  #entries: JourneyEntry[]

  constructor(entries: readonly JourneyEntry[] = []) {
    this.#entries = [...entries]
  }

  get entries(): readonly JourneyEntry[] {
    return [...this.#entries]
  }

  /** Returns what ends the entry. Durations come from the monotonic clock, begins from the wall clock: those are for display. */
  begin(step: string): (failure?: string) => void {
    const beginMs = BigInt(Date.now())
    const beganMs = performance.now()
    return (failure) => {
      const durationUs = Math.max(0, Math.round((performance.now() - beganMs) * 1000))
      this.#entries.push({ step, beginMs, durationUs, failed: failure !== undefined, reason: failure ?? '' })
    }
  }

  /** What a step's inner half reports itself, such as the launcher's `mounted`. */
  add(step: string, durationUs: number): void {
    this.#entries.push({
      step,
      beginMs: BigInt(Date.now()),
      durationUs: Math.max(0, Math.round(durationUs)),
      failed: false,
      reason: '',
    })
  }
}
