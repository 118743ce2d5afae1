import type { LoadReport, RouteServiceClient } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { ClientWritableStream } from '@grpc/grpc-js'
import type { ConnectionCounts } from './connection-counts.js'
import { LOAD_REPORT_MS } from './limits.js'
import type { RouteFeed } from './route-feed.js'

/** Tells the control plane each second what is open where; what it missed while away the next report says again. */
export function startLoadReports(
  client: RouteServiceClient,
  gatewayId: string,
  counts: ConnectionCounts,
  feed: RouteFeed,
): { stop(): void } {
  let stream: ClientWritableStream<LoadReport> | undefined
  let blocked = false

  function open(): ClientWritableStream<LoadReport> {
    const opened = client.reportLoad(() => {
      if (stream === opened) stream = undefined
    })
    opened.on('error', () => {})
    opened.on('drain', () => {
      blocked = false
    })
    blocked = false
    return opened
  }

  const timer = setInterval(() => {
    // Without a table in force a report could claim that drained processes are empty.
    if (feed.reportableGeneration === 0n) return
    stream ??= open()
    if (blocked) return
    const routed: string[] = []
    for (const content of feed.table.contents.values()) {
      for (const bundle of content.bundles.values()) for (const process of bundle.processes) routed.push(process.processId)
    }
    const processes = counts.report(routed, Date.now())
    blocked = !stream.write({ gatewayId, routesGeneration: feed.reportableGeneration, processes })
  }, LOAD_REPORT_MS)

  return {
    stop() {
      clearInterval(timer)
      stream?.end()
    },
  }
}
