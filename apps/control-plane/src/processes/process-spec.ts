import { Intent, ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import type { ProcessRow } from './process-row.js'

const INTENTS = { run: Intent.RUN, drain: Intent.DRAIN, stop: Intent.STOP } as const

/** The spec that the agent is sent. A function of the row alone: the same generation must always have the same digest. */
export function processSpecOf(row: ProcessRow): ProcessSpec {
  const work = ProcessSpec.fromJSON(row.work).work
  return ProcessSpec.fromPartial({
    processId: row.id,
    fence: row.fence,
    key: row.key,
    intent: INTENTS[row.intent],
    runAs: row.run_as,
    traceparent: row.traceparent ?? '',
    ...(row.content_guid === null
      ? {}
      : { content: { guid: row.content_guid, contentId: row.content_id ?? 0n, bundleId: row.bundle_id ?? 0n } }),
    env: Object.fromEntries(Object.entries(row.env).sort(([a], [b]) => (a < b ? -1 : 1))),
    stop: { stopGraceMs: row.stop_grace_ms, killGraceMs: row.kill_grace_ms },
    stopReason: row.intent === 'stop' ? (row.stop_reason ?? 'killed') : '',
    ...(work === undefined ? {} : { work }),
  })
}
