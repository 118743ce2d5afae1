// What happens to a header by its name (contracts, section 6). Names come from strangers, thousands of times a second:
// each spelling is decided once and remembered, in a bounded map.

export type RequestHeaderFate =
  | 'forward'
  /** Hop-by-hop, or one that only the gateway may say. */
  | 'drop'
  /** X-Forwarded-* and Forwarded: read when the peer is a trusted proxy, never copied. */
  | 'forwarded'
  | 'host'
  | 'connection'
  | 'cookie'
  | 'authorization'
  | 'rsc_authorization'
  | 'traceparent'
  | 'accept'
  | 'origin'
  | 'length'
  | 'transfer_encoding'

const REQUEST_FATES: Readonly<Record<string, RequestHeaderFate>> = {
  host: 'host',
  connection: 'connection',
  cookie: 'cookie',
  authorization: 'authorization',
  'x-rsc-authorization': 'rsc_authorization',
  traceparent: 'traceparent',
  accept: 'accept',
  origin: 'origin',
  'content-length': 'length',
  'transfer-encoding': 'transfer_encoding',
  'keep-alive': 'drop',
  'proxy-connection': 'drop',
  'proxy-authorization': 'drop',
  'proxy-authenticate': 'drop',
  te: 'drop',
  trailer: 'drop',
  upgrade: 'drop',
  'http2-settings': 'drop',
  expect: 'drop',
  forwarded: 'drop',
  'x-real-ip': 'drop',
  'script-name': 'drop',
  proxy: 'drop', // becomes HTTP_PROXY in CGI-style servers
  'shiny-shared-secret': 'drop',
  'plumber-shared-secret': 'drop',
  'x-auth-token': 'drop',
  'x-auth-signature': 'drop',
}

const REQUEST_PREFIXES: readonly (readonly [string, RequestHeaderFate])[] = [
  ['x-forwarded-', 'forwarded'],
  ['x-rsc-', 'drop'],
  ['x-rstudio-', 'drop'],
  ['rstudio-connect-', 'drop'],
  ['posit-connect-', 'drop'],
  ['shiny-server-', 'drop'],
]

const REMEMBERED_NAMES_MAX = 512

/** Fate of a request header on its way to content. */
export const requestHeaderFate = remember((name): RequestHeaderFate => {
  // gunicorn, httpuv and others fold `_` and `-` into one variable: an underscore would forge the dashed name.
  if (name.includes('_')) return 'drop'
  const exact = REQUEST_FATES[name]
  if (exact !== undefined) return exact
  return REQUEST_PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'forward'
})

export type ResponseHeaderFate = 'forward' | 'drop' | 'set_cookie' | 'location' | 'connection' | 'length' | 'transfer_encoding'

const RESPONSE_FATES: Readonly<Record<string, ResponseHeaderFate>> = {
  'set-cookie': 'set_cookie',
  location: 'location',
  'content-location': 'location',
  connection: 'connection',
  'content-length': 'length',
  'transfer-encoding': 'transfer_encoding',
  'keep-alive': 'drop',
  'proxy-connection': 'drop',
  'proxy-authenticate': 'drop',
  te: 'drop',
  trailer: 'drop',
  upgrade: 'drop',
  server: 'drop',
  'x-powered-by': 'drop',
  // One origin for all contents: these would reach beyond the content's own path.
  'service-worker-allowed': 'drop',
  'clear-site-data': 'drop',
  'strict-transport-security': 'drop',
  'alt-svc': 'drop',
}

/** Fate of a header of content's answer. */
export const responseHeaderFate = remember((name): ResponseHeaderFate => RESPONSE_FATES[name] ?? 'forward')

function remember<Fate>(decide: (lowerCaseName: string) => Fate): (name: string) => Fate {
  const remembered = new Map<string, Fate>()
  return (name) => {
    const known = remembered.get(name)
    if (known !== undefined) return known
    const fate = decide(name.toLowerCase())
    if (remembered.size < REMEMBERED_NAMES_MAX) remembered.set(name, fate)
    return fate
  }
}
