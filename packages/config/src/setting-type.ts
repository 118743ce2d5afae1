// What a setting's text can mean. Pure.

export type SettingKind = 'boolean' | 'integer' | 'decimal' | 'string' | 'duration' | 'bytes'

export type ParsedValue =
  | { readonly kind: 'value'; readonly value: boolean | number | string }
  | { readonly kind: 'bad'; readonly why: string }

const TRUE = ['true', 'yes', 'on', '1']
const FALSE = ['false', 'no', 'off', '0']
const MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const DURATION_PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/y
const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/**
 * Reads a value of one kind. Durations become milliseconds (a bare integer is nanoseconds), byte sizes become bytes.
 * Source: settings.md 1.0.
 */
export function parseValue(kind: SettingKind, text: string): ParsedValue {
  switch (kind) {
    case 'string':
      return { kind: 'value', value: text }
    case 'boolean': {
      const word = text.toLowerCase()
      if (TRUE.includes(word)) return { kind: 'value', value: true }
      if (FALSE.includes(word)) return { kind: 'value', value: false }
      return { kind: 'bad', why: `"${text}" is neither true nor false` }
    }
    case 'integer': {
      const value = Number(text)
      const whole = /^[+-]?\d+$/.test(text) && Number.isSafeInteger(value)
      return whole ? { kind: 'value', value } : { kind: 'bad', why: `"${text}" is not a whole number` }
    }
    case 'decimal':
      return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)
        ? { kind: 'value', value: Number(text) }
        : { kind: 'bad', why: `"${text}" is not a number` }
    case 'duration':
      return parseDuration(text)
    case 'bytes':
      return parseBytes(text)
  }
}

function parseDuration(text: string): ParsedValue {
  if (/^\d+$/.test(text)) return { kind: 'value', value: Number(text) / 1e6 }
  let total = 0
  DURATION_PART.lastIndex = 0
  let end = 0
  for (let part = DURATION_PART.exec(text); part !== null; part = DURATION_PART.exec(text)) {
    total += Number(part[1]) * (MS[part[2] ?? ''] ?? Number.NaN)
    end = DURATION_PART.lastIndex
  }
  if (text !== '' && end === text.length) return { kind: 'value', value: total }
  return {
    kind: 'bad',
    why: `"${text}" is not a duration; write 500ms, 30s, 5m, 12h or 1d (a bare whole number is nanoseconds)`,
  }
}

function parseBytes(text: string): ParsedValue {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text)
  const unit = BYTES[(match?.[2] ?? '?').toLowerCase()]
  if (match === null || unit === undefined) {
    return { kind: 'bad', why: `"${text}" is not a size; write 10 MB, 10 MiB or a plain number of bytes` }
  }
  return { kind: 'value', value: Math.floor(Number(match[1]) * unit) }
}

/** A value as it can stand in the file again. */
export function formatValue(kind: SettingKind, value: boolean | number | string): string {
  if (typeof value !== 'number') return String(value)
  if (kind === 'duration') return formatDuration(value)
  if (kind === 'bytes') return formatBytes(value)
  return String(value)
}

function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = MS[unit] ?? 1
    if (ms % size === 0) return `${ms / size}${unit}`
  }
  return `${ms}ms`
}

function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['GiB', 2 ** 30],
    ['MB', 1e6],
    ['MiB', 2 ** 20],
  ] as const) {
    if (bytes !== 0 && bytes % size === 0) return `${bytes / size} ${unit}`
  }
  return String(bytes)
}
