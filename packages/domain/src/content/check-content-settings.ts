/** Limits that an administrator sets; 0 = none. */
export interface RuntimeBounds {
  readonly maxProcessesLimit: number
  readonly minProcessesLimit: number
  readonly titleCharsMin: number
  readonly titleCharsMax: number
  readonly descriptionCharsMax: number
}

/** What is asked for; undefined = not asked for, null = the server's default. */
export interface ContentSettingsAsk {
  readonly title?: string | null | undefined
  readonly description?: string | undefined
  readonly access_type?: string | undefined
  readonly min_processes?: number | null | undefined
  readonly max_processes?: number | null | undefined
  readonly load_factor?: number | null | undefined
  readonly max_conns_per_process?: number | null | undefined
}

export type SettingsRefusal = { readonly apiCode: 25 | 117 | 122 | 123 | 150 | 151; readonly message: string }

/** The first thing that is wrong with settings as they would become; undefined = nothing. Source: publisher-api 1.9. */
export function checkContentSettings(asked: ContentSettingsAsk, bounds: RuntimeBounds): SettingsRefusal | undefined {
  const { title, description } = asked
  if (typeof title === 'string' && title !== '' && !within([...title].length, bounds.titleCharsMin, bounds.titleCharsMax)) {
    return { apiCode: 122, message: `A title has ${bounds.titleCharsMin} to ${bounds.titleCharsMax} characters.` }
  }
  if (description !== undefined && [...description].length > bounds.descriptionCharsMax) {
    return { apiCode: 123, message: `A description has at most ${bounds.descriptionCharsMax} characters.` }
  }
  for (const text of [title, description]) {
    if (text?.includes('\0')) return { apiCode: 25, message: 'Texts cannot contain NUL characters.' }
  }
  if (asked.access_type !== undefined && !['all', 'logged_in', 'acl'].includes(asked.access_type)) {
    return { apiCode: 117, message: `"${asked.access_type.slice(0, 40)}" is not an access type: use all, logged_in or acl.` }
  }
  const min = asked.min_processes ?? undefined
  const max = asked.max_processes ?? undefined
  if (max === 0) return { apiCode: 150, message: 'max_processes is at least 1.' }
  if (max !== undefined && bounds.maxProcessesLimit > 0 && max > bounds.maxProcessesLimit) {
    return { apiCode: 150, message: `max_processes is at most ${bounds.maxProcessesLimit} on this server.` }
  }
  if (min !== undefined && bounds.minProcessesLimit > 0 && min > bounds.minProcessesLimit) {
    return { apiCode: 150, message: `min_processes is at most ${bounds.minProcessesLimit} on this server.` }
  }
  if (min !== undefined && max !== undefined && min > max) {
    return { apiCode: 151, message: 'min_processes cannot exceed max_processes.' }
  }
  if (asked.max_conns_per_process === 0) return { apiCode: 150, message: 'max_conns_per_process is at least 1.' }
  if (typeof asked.load_factor === 'number' && !within(asked.load_factor, 0, 1)) {
    return { apiCode: 150, message: 'load_factor is a number from 0 to 1.' }
  }
  return undefined
}

function within(value: number, least: number, most: number): boolean {
  return value >= least && value <= most
}
