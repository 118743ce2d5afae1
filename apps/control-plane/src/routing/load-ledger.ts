import type { LoadReport } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { LOAD_REPORT_STALE_MS } from '../limits.js'

/** What all gateways together say about one process. */
export interface ProcessLoadView {
  /** null = a gateway that watches has not said anything lately. */
  readonly connections: number | null
  /** Shortest over the gateways; bounded by how long each has been watched. */
  readonly idleMs: number
  /** Every watching gateway uses a snapshot that showed the process as draining. */
  readonly drainConfirmed: boolean
}

/** Times are milliseconds of a monotonic clock, passed in. */
export interface LoadLedger {
  watching(gatewayId: string, nowMs: number): void
  /** A snapshot went out to a gateway. */
  sent(gatewayId: string, generation: bigint): void
  gone(gatewayId: string): void
  report(report: LoadReport, nowMs: number): void
  /** drainGeneration: the first snapshot that showed it draining; undefined = none yet. */
  view(processId: string, drainGeneration: bigint | undefined, nowMs: number): ProcessLoadView
}

interface Gateway {
  readonly sinceMs: number
  firstSent: bigint | undefined
  lastSent: bigint
  reportedAtMs: number | undefined
  generation: bigint
  loads: ReadonlyMap<string, { readonly connections: number; readonly idleMs: number }>
}

/**
 * Loads as the gateways of this control plane report them. A generation counts only when it was sent on the gateway's present
 * stream: one of an older stream, or of another control plane, says nothing about what this one has sent.
 */
export function createLoadLedger(): LoadLedger {
  const gateways = new Map<string, Gateway>()
  return {
    watching(gatewayId, nowMs) {
      gateways.set(gatewayId, {
        sinceMs: nowMs,
        firstSent: undefined,
        lastSent: 0n,
        reportedAtMs: undefined,
        generation: 0n,
        loads: new Map(),
      })
    },
    sent(gatewayId, generation) {
      const gateway = gateways.get(gatewayId)
      if (gateway === undefined) return
      gateway.firstSent ??= generation
      gateway.lastSent = generation
    },
    gone(gatewayId) {
      gateways.delete(gatewayId)
    },
    report(report, nowMs) {
      const gateway = gateways.get(report.gatewayId)
      if (gateway?.firstSent === undefined) return
      const ofThisStream = report.routesGeneration >= gateway.firstSent && report.routesGeneration <= gateway.lastSent
      gateway.reportedAtMs = nowMs
      gateway.generation = ofThisStream ? report.routesGeneration : 0n
      gateway.loads = new Map(report.processes.map((load) => [load.processId, load]))
    },
    view(processId, drainGeneration, nowMs) {
      if (gateways.size === 0) return { connections: null, idleMs: 0, drainConfirmed: false }
      let connections: number | null = 0
      let idleMs = Number.POSITIVE_INFINITY
      let drainConfirmed = drainGeneration !== undefined
      for (const gateway of gateways.values()) {
        if (gateway.reportedAtMs === undefined || nowMs - gateway.reportedAtMs > LOAD_REPORT_STALE_MS) connections = null
        const load = gateway.loads.get(processId)
        if (connections !== null) connections += load?.connections ?? 0
        const watchedMs = nowMs - gateway.sinceMs
        idleMs = Math.min(idleMs, load === undefined ? watchedMs : load.connections > 0 ? 0 : Math.min(load.idleMs, watchedMs))
        if (drainGeneration === undefined || gateway.generation < drainGeneration) drainConfirmed = false
      }
      return { connections, idleMs, drainConfirmed }
    },
  }
}
