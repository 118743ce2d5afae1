import { raiseGeneration } from '../nodes/node.store.js'
import type { Tx } from '../platform/postgres.js'

/**
 * Processes of the node that had been accepted there and of which its agent has no run directory any more: they will never report
 * their end, and must not be started again under the same id (I1). Recorded as lost and ended. Returns their ids.
 */
export async function recordLost(tx: Tx, nodeId: string, known: readonly string[]): Promise<readonly string[]> {
  const rows = await tx<{ id: string }[]>`
    update processes set phase = 'exited', exit_reason = 'lost', end_time = now(), finalized = true, socket_path = null,
      message = 'The host has no record of this process any more: its run directory was lost.'
    where node_id = ${nodeId} and phase not in ('exited', 'refused') and last_seq > 0 and not (id = any(${[...known]}::uuid[]))
    returning id`
  if (rows.length === 0) return []
  await raiseGeneration(tx, [nodeId])
  for (const row of rows) await tx`select pg_notify('process_changed', ${row.id})`
  await tx`select pg_notify('routes_changed', '')`
  return rows.map((row) => row.id)
}
