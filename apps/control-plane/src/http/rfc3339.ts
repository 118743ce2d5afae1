/** RFC 3339 in UTC to the second, as content, users and bundles show times. */
export function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}

export function secondsOrNull(time: Date | null): string | null {
  return time === null ? null : seconds(time)
}
