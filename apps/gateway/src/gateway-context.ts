import type { GatewaySettings } from '@berth/config/part-settings.js'
import type { PublicOrigin } from '@berth/domain/routing/public-origin.js'
import type { Logger } from 'pino'
import type { VisitAuthority } from './authorize-visit.js'
import type { ConnectionCounts } from './connection-counts.js'
import type { ProcessFinder } from './process-finder.js'
import type { ProxyTrust } from './proxy-trust.js'
import type { RouteFeed } from './route-feed.js'
import type { SealedTrees } from './serve-sealed.js'
import type { SilenceSweep } from './silence-sweep.js'
import type { ConnectionPools } from './upstream/connection-pool.js'

/** What request and upgrade handling share. Made once in start-gateway.ts. */
export interface GatewayContext {
  readonly settings: GatewaySettings
  readonly address: PublicOrigin | undefined
  readonly trust: ProxyTrust
  readonly feed: RouteFeed
  readonly authority: VisitAuthority
  readonly finder: ProcessFinder
  readonly counts: ConnectionCounts
  readonly pools: ConnectionPools
  readonly sweep: SilenceSweep
  readonly sealed: SealedTrees
  readonly log: Logger
}
