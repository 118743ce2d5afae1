import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { UnpackWork } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import type { ChangeFeed } from '../events.js'
import type { Sql } from '../platform/postgres.js'
import { createProcess } from '../processes/create-process.js'
import type { ProcessRow } from '../processes/process-row.js'
import type { Deployment } from './deployment.store.js'

export type UnpackState =
  | { readonly kind: 'done' }
  | { readonly kind: 'running'; readonly processId: string }
  | { readonly kind: 'failed'; readonly process: ProcessRow | null; readonly message: string }
  | { readonly kind: 'gone' }

/**
 * Moves the unpacking of a bundle one step on. Under the content's row lock, so it is unpacked once however often it is asked for;
 * a failure before this deployment is tried again, one since counts.
 */
export async function advanceUnpack(
  deps: { readonly sql: Sql; readonly feed: ChangeFeed; readonly settings: Pick<ControlPlaneSettings, 'runAs' | 'scheduler'> },
  deployment: Deployment,
  options: { readonly seal: boolean },
): Promise<UnpackState> {
  let rung: string | undefined
  const state = await deps.sql.begin(async (tx): Promise<UnpackState> => {
    const [content] = await tx<{ run_as: string | null; state: string; unpacked_node_id: string | null }[]>`
      select c.run_as, b.state, b.unpacked_node_id from content c join bundles b on b.content_guid = c.guid and b.id = ${deployment.bundle_id}
      where c.guid = ${deployment.content_guid} for no key update of c`
    if (content === undefined) return { kind: 'gone' }
    if (content.unpacked_node_id !== null) return { kind: 'done' }
    const [last] = await tx<ProcessRow[]>`
      select * from processes where bundle_id = ${deployment.bundle_id} and kind = 'job' and work ? 'unpack' order by job_id desc limit 1`
    if (last !== undefined && last.phase !== 'exited' && last.phase !== 'refused') return { kind: 'running', processId: last.id }
    const sinceThen = last?.end_time != null && last.end_time >= deployment.created_time
    if (last !== undefined && sinceThen) {
      if (last.phase === 'exited' && last.exit_code === 0 && last.exit_reason === 'exited') {
        await tx`update bundles set unpacked_node_id = ${last.node_id} where id = ${deployment.bundle_id}`
        return { kind: 'done' }
      }
      return { kind: 'failed', process: last, message: last.message ?? '' }
    }
    const created = await createProcess(tx, {
      kind: 'job',
      tag: 'unknown',
      content: { guid: deployment.content_guid, id: deployment.content_id, bundleId: deployment.bundle_id },
      work: {
        $case: 'unpack',
        value: UnpackWork.fromPartial({
          archiveSha256: deployment.archive_sha256,
          archiveBytes: deployment.archive_bytes,
          stripComponents: deployment.strip_components,
          seal: options.seal,
        }),
      },
      env: {},
      runAs: content.run_as === null || content.run_as === '' ? deps.settings.runAs.defaultAccount : content.run_as,
      stopGraceMs: deps.settings.scheduler.stopGraceMs,
      killGraceMs: deps.settings.scheduler.killGraceMs,
      traceparent: deployment.traceparent,
      requestedBy: deployment.requested_by,
      need: { python: null, r: null },
    })
    if (created.kind === 'none') return { kind: 'failed', process: null, message: created.message }
    rung = created.row.node_id
    return { kind: 'running', processId: created.row.id }
  })
  if (rung !== undefined) deps.feed.ring('node_changed', rung)
  return state
}
