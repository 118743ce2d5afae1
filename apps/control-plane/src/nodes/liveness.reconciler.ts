import type { Sql } from '../platform/postgres.js'
import { recordSeen } from './node.store.js'
import type { SessionHub } from './session-hub.js'

/**
 * One statement for all nodes whose stream is held here: "seen now", by the database's clock. Who is suspect or disconnected follows
 * from the age of that; nothing is restarted elsewhere because of it (I5), so a database that was away makes nobody lost.
 */
export async function reconcileLiveness(deps: { readonly sql: Sql; readonly hub: SessionHub }): Promise<void> {
  const { nodeIds, processIds } = deps.hub.seen()
  if (nodeIds.length > 0) await recordSeen(deps.sql, nodeIds, processIds)
}
