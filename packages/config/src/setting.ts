import { formatValue, type SettingKind } from './setting-type.js'

/** One property of the configuration. T is what its value is once read; see settings-table.ts for how they are made. */
export interface Setting<T = unknown> {
  readonly kind: SettingKind
  /** Every repeated line adds a value; otherwise the last one wins. */
  readonly multi: boolean
  readonly default: T
  /** Shown instead of the default where that is worked out at start. */
  readonly defaultNote?: string
  /** Known from the reference product or planned, without effect today: said at start, never silently ignored. */
  readonly supported: boolean
  readonly secret: boolean
  /** Why this value is refused, or undefined. */
  readonly refuse: (value: boolean | number | string) => string | undefined
  readonly summary: string
}

interface Options<T> {
  readonly default: T
  readonly summary: string
  readonly min?: number
  readonly max?: number
  readonly oneOf?: readonly string[]
  readonly defaultNote?: string
  readonly secret?: true
  readonly refuse?: (value: string) => string | undefined
}

function setting<T>(kind: SettingKind, multi: boolean, options: Options<T>): Setting<T> {
  const { min, max, oneOf } = options
  return {
    kind,
    multi,
    default: options.default,
    ...(options.defaultNote === undefined ? {} : { defaultNote: options.defaultNote }),
    supported: true,
    secret: options.secret === true,
    summary: options.summary,
    refuse(value) {
      if (typeof value === 'number') {
        if (min !== undefined && value < min) return `must be at least ${formatValue(kind, min)}`
        if (max !== undefined && value > max) return `must be at most ${formatValue(kind, max)}`
      }
      if (typeof value !== 'string') return undefined
      if (oneOf !== undefined && !oneOf.includes(value)) return `must be one of ${oneOf.join(', ')}`
      return options.refuse?.(value)
    },
  }
}

export const boolean = (options: Options<boolean>) => setting<boolean>('boolean', false, options)
export const integer = (options: Options<number>) => setting<number>('integer', false, options)
export const decimal = (options: Options<number>) => setting<number>('decimal', false, options)
/** Milliseconds. */
export const duration = (options: Options<number>) => setting<number>('duration', false, options)
/** Bytes. */
export const byteSize = (options: Options<number>) => setting<number>('bytes', false, options)
export const string = (options: Options<string>) => setting<string>('string', false, options)
export const optionalString = (options: Omit<Options<null>, 'default'>) =>
  setting<string | null>('string', false, { ...options, default: null })
export const optionalInteger = (options: Omit<Options<null>, 'default'>) =>
  setting<number | null>('integer', false, { ...options, default: null })
export const optionalDuration = (options: Omit<Options<null>, 'default'>) =>
  setting<number | null>('duration', false, { ...options, default: null })
export const strings = (options: Omit<Options<readonly string[]>, 'default'> & { readonly default?: readonly string[] }) =>
  setting<readonly string[]>('string', true, { default: [], ...options })

/** Known, and without effect today. */
export function later(kind: SettingKind, summary: string, multi = false): Setting<null> {
  return { kind, multi, default: null, supported: false, secret: false, refuse: () => undefined, summary }
}

const CONTROL_CHARACTERS = /[\p{Cc}]/u

export function absolutePath(value: string): string | undefined {
  if (!value.startsWith('/')) return 'must be an absolute path'
  if (CONTROL_CHARACTERS.test(value)) return 'must not have control characters'
  if (value.split('/').includes('..')) return 'must not have ".." in it'
  return undefined
}

/** R-102: an absolute path with optional arguments. */
export function supervisorCommand(value: string): string | undefined {
  if (value === '') return undefined
  if (CONTROL_CHARACTERS.test(value)) return 'must not have control characters'
  return value.startsWith('/') ? undefined : 'must begin with the absolute path of a program'
}

export function webAddress(value: string): string | undefined {
  if (!URL.canParse(value)) return 'must be a URL as visitors type it, such as https://berth.example.org'
  const { protocol, search, hash, username } = new URL(value)
  if (protocol !== 'http:' && protocol !== 'https:') return 'must begin with http:// or https://'
  return search === '' && hash === '' && username === '' ? undefined : 'must not have a query, a fragment or credentials'
}

export function urlOf(...protocols: readonly string[]): (value: string) => string | undefined {
  return (value) =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol)
      ? undefined
      : `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, `[V6]:PORT`, or `:PORT` for every address of the host; undefined when it is none of these. */
export function parseListen(value: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(value)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) return undefined
  return { host: match[1] ?? (match[2] === '' || match[2] === undefined ? '::' : match[2]), port }
}

export function listenAddress(value: string): string | undefined {
  return parseListen(value) === undefined ? 'must be HOST:PORT or :PORT with a port from 1 to 65535' : undefined
}

const BOOTSTRAP_SECRET_BYTES_MIN = 32

export function bootstrapSecret(value: string): string | undefined {
  const plain = value.trim()
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(plain)) return 'must be base64'
  const bytes = Buffer.from(plain, 'base64').length
  return bytes < BOOTSTRAP_SECRET_BYTES_MIN ? `must be at least ${BOOTSTRAP_SECRET_BYTES_MIN} bytes in base64` : undefined
}
