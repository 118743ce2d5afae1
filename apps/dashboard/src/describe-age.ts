const STEPS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const

/** Time since `since` (RFC 3339) in its largest unit, as "4 min"; a clock that is behind counts as "0 s". */
export function describeAge(since: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1_000))
  for (const [unit, size] of STEPS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`
  }
  return '0 s'
}
