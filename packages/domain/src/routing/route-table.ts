// The routes as the gateway looks them up. Compiled once per snapshot, so that a request costs two map look-ups.

/** Shape of berth.gateway.v1.RouteSnapshot, as far as matching needs it. */
export interface RouteFeed {
  readonly generation: bigint
  readonly contents: readonly FedContent[]
  readonly paths: readonly FedPath[]
}

export interface FedPath {
  /** Empty = any host. */
  readonly host: string
  readonly pathPrefix: string
  readonly contentGuid: string
}

export interface FedContent {
  readonly contentGuid: string
  readonly activeBundleId: bigint
  readonly accessType: string
  readonly rightsVersion: bigint
  readonly bundles: readonly FedBundle[]
}

export interface FedBundle {
  readonly bundleId: bigint
  readonly appMode: string
  readonly primaryHtml: string
  readonly sealedDir: string
  readonly initTimeoutMs: number
  readonly connectionTimeoutMs: number
  readonly readTimeoutMs: number
  readonly processes: readonly FedProcess[]
}

export interface FedProcess {
  readonly processId: string
  readonly socketPath: string
  readonly draining: boolean
}

export interface RoutedContent {
  readonly guid: string
  /** Names what a visit is to; of the active bundle and, below it, of each draft. Made once: requests look it up. */
  readonly visitKey: string
  readonly accessType: 'all' | 'logged_in' | 'acl'
  readonly rightsVersion: bigint
  readonly active: FedBundle | undefined
  readonly bundles: ReadonlyMap<string, FedBundle>
}

interface MountedPath {
  readonly host: string
  /** Begins with a slash, ends without one. */
  readonly prefix: string
  readonly content: RoutedContent
}

export interface RouteTable {
  readonly generation: bigint
  readonly contents: ReadonlyMap<string, RoutedContent>
  readonly paths: readonly MountedPath[]
}

export const EMPTY_ROUTES: RouteTable = { generation: 0n, contents: new Map(), paths: [] }

/** Unknown access types are treated as the strictest: a newer control plane must not open doors here. */
function accessTypeOf(text: string): RoutedContent['accessType'] {
  return text === 'all' || text === 'logged_in' ? text : 'acl'
}

/** Compiles a snapshot. Path routes to contents that are not in it, or that would cover everything, are left out. */
export function compileRoutes(feed: RouteFeed): RouteTable {
  const contents = new Map<string, RoutedContent>()
  for (const fed of feed.contents) {
    const bundles = new Map(fed.bundles.map((bundle) => [bundle.bundleId.toString(), bundle]))
    contents.set(fed.contentGuid, {
      guid: fed.contentGuid,
      visitKey: `/${fed.contentGuid}/`,
      accessType: accessTypeOf(fed.accessType),
      rightsVersion: fed.rightsVersion,
      active: fed.activeBundleId === 0n ? undefined : bundles.get(fed.activeBundleId.toString()),
      bundles,
    })
  }
  const paths: MountedPath[] = []
  for (const fed of feed.paths) {
    const content = contents.get(fed.contentGuid)
    const prefix = fed.pathPrefix.endsWith('/') ? fed.pathPrefix.slice(0, -1) : fed.pathPrefix
    if (content === undefined || (prefix === '' && fed.host === '')) continue
    paths.push({ host: fed.host.toLowerCase(), prefix, content })
  }
  return { generation: feed.generation, contents, paths }
}
