import { raiseGeneration } from '../nodes/node.store.js'
import type { Tx } from '../platform/postgres.js'
import type { StopReason } from './stop-reason.js'

/**
 * Every live service process of the content: a ready one drains first (no visit may begin on it while it ends), one that nobody
 * can have reached yet is stopped at once. A process that is already to end keeps its first reason. Returns how many it met.
 * Locks the content's row, then nodes, then processes.
 */
export async function stopAllOfContent(
  tx: Tx,
  contentGuid: string,
  reason: StopReason,
  options: { readonly exceptBundleId?: bigint } = {},
): Promise<number> {
  const except = options.exceptBundleId ?? -1n
  await tx`select 1 from content where guid = ${contentGuid} for no key update`
  // A deleted content takes the rows of all its processes along: every node that has one must be sent another set.
  const chosen =
    reason === 'content_deleted' ? tx`true` : tx`kind = 'service' and intent <> 'stop' and bundle_id is distinct from ${except}`
  const live = await tx<{ id: string; node_id: string }[]>`
    select id, node_id from processes where content_guid = ${contentGuid} and phase not in ('exited', 'refused') and ${chosen}`
  if (live.length === 0) return 0
  await raiseGeneration(
    tx,
    live.map((row) => row.node_id),
  )
  const ids = live.map((row) => row.id)
  const changed = await tx<{ id: string }[]>`
    update processes set intent = case when phase = 'ready' then 'drain' else 'stop' end, stop_reason = ${reason}
    where id = any(${ids}::uuid[]) and phase not in ('exited', 'refused') and intent <> 'stop'
    returning id`
  for (const { id } of changed) await tx`select pg_notify('process_changed', ${id})`
  await tx`select pg_notify('routes_changed', '')`
  return changed.length
}

/** run → drain or stop, drain → stop, for one process. false = it is at its end, or already there. Nodes are locked before processes. */
export async function setIntent(
  tx: Tx,
  process: { readonly id: string; readonly nodeId: string },
  intent: 'drain' | 'stop',
  reason: StopReason,
): Promise<boolean> {
  await raiseGeneration(tx, [process.nodeId])
  const changed = await tx`
    update processes set intent = ${intent}, stop_reason = case when intent = 'run' then ${reason} else stop_reason end
    where id = ${process.id} and phase not in ('exited', 'refused') and (intent = 'run' or (intent = 'drain' and ${intent} = 'stop'))
    returning 1`
  if (changed.length === 0) return false
  await tx`select pg_notify('process_changed', ${process.id})`
  await tx`select pg_notify('routes_changed', '')`
  return true
}
