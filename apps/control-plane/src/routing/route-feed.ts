// Routes on their way to the gateways: full snapshots, at once after a lone change, together after a burst.
// Owns: the numbering of snapshots and what gateways report back. Promises: a snapshot always follows a change; a process that
// drains is known by the first snapshot that showed it so. Leaves to others: what a gateway does with a request, who may visit.
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { errorChain } from '@berth/domain/app-error.js'
import type { RouteSnapshot } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { ChangeFeed } from '../events.js'
import { ROUTES_COALESCE_MS } from '../limits.js'
import { createCoalescer } from '../nodes/coalescer.js'
import type { Sql } from '../platform/postgres.js'
import type { Log } from '../telemetry.js'
import { buildRouteSnapshot } from './build-route-snapshot.js'
import type { LoadLedger } from './load-ledger.js'

export interface RouteFeed {
  start(): Promise<void>
  stop(): void
  /** Sends the newest snapshot at once and each later one; returns the way to stop. */
  watch(gatewayId: string, send: (snapshot: RouteSnapshot) => void): () => void
  /** Publishes what is committed now; afterwards it has been handed to every stream. */
  publish(): Promise<void>
  /** Generation of the first snapshot that showed the process draining. */
  drainingSince(processId: string): bigint | undefined
}

/** Room for the snapshots of one run between two values of the sequence: numbers never repeat after a restart. */
const GENERATIONS_PER_RUN = 1n << 32n

export function createRouteFeed(deps: {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly ledger: LoadLedger
  readonly settings: Pick<ControlPlaneSettings, 'dataDir' | 'scheduler'>
  readonly log: Log
}): RouteFeed {
  const { sql, feed, ledger, log } = deps
  const watchers = new Map<string, (snapshot: RouteSnapshot) => void>()
  const draining = new Map<string, bigint>()
  const unsubscribe: (() => void)[] = []
  let generation = 0n
  let newest: RouteSnapshot | undefined
  let order: Promise<void> = Promise.resolve()

  const send = (gatewayId: string, snapshot: RouteSnapshot): void => {
    ledger.sent(gatewayId, snapshot.generation)
    watchers.get(gatewayId)?.(snapshot)
  }
  const build = async (): Promise<void> => {
    const snapshot = await buildRouteSnapshot(sql, deps.settings)
    generation += 1n
    newest = { ...snapshot, generation }
    const now = new Set<string>()
    for (const content of snapshot.contents) {
      for (const bundle of content.bundles) {
        for (const process of bundle.processes) if (process.draining) now.add(process.processId)
      }
    }
    for (const id of now) if (!draining.has(id)) draining.set(id, generation)
    for (const id of [...draining.keys()]) if (!now.has(id)) draining.delete(id)
    for (const gatewayId of [...watchers.keys()]) send(gatewayId, newest)
  }
  // One build at a time: an older read must never get a newer number.
  const publish = (): Promise<void> => {
    const next = order.then(build)
    order = next.catch(() => {})
    return next
  }
  const coalescer = createCoalescer(ROUTES_COALESCE_MS, async () => {
    await publish().catch((error: unknown) => {
      log.warn({ error: errorChain(error) }, 'routes could not be read; tried again')
      setTimeout(() => coalescer.trigger(), ROUTES_COALESCE_MS * 10).unref()
    })
  })

  return {
    async start() {
      const [row] = await sql<{ run: bigint }[]>`select nextval('stream_epoch_seq') as run`
      generation = (row?.run ?? 1n) * GENERATIONS_PER_RUN
      unsubscribe.push(
        feed.on('routes_changed', undefined, () => coalescer.trigger()),
        feed.onResync(() => coalescer.trigger()),
      )
      await publish()
    },
    stop() {
      for (const off of unsubscribe.splice(0)) off()
      coalescer.stop()
    },
    watch(gatewayId, listener) {
      watchers.set(gatewayId, listener)
      ledger.watching(gatewayId, performance.now())
      if (newest !== undefined) send(gatewayId, newest)
      return () => {
        // A gateway that connected anew has taken its place already.
        if (watchers.get(gatewayId) !== listener) return
        watchers.delete(gatewayId)
        ledger.gone(gatewayId)
      }
    },
    publish,
    drainingSince: (processId) => draining.get(processId),
  }
}
