import { desiredDigest } from '@berth/protocol/desired-digest.js'
import { DesiredState } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { Sql, Tx } from '../platform/postgres.js'
import type { ProcessRow } from '../processes/process-row.js'
import { processSpecOf } from '../processes/process-spec.js'

/**
 * The complete set for a node: every process that is not at its end. One statement, so generation and set belong together:
 * whoever changes the set raises the generation in the same transaction. undefined = no such node.
 */
export async function readDesiredState(sql: Sql | Tx, nodeId: string): Promise<DesiredState | undefined> {
  const rows = await sql<({ generation: bigint; found: boolean } & ProcessRow)[]>`
    select n.generation, p.id is not null as found, p.*
    from nodes n left join processes p on p.node_id = n.id and p.phase not in ('exited', 'refused')
    where n.id = ${nodeId}
    order by p.id`
  const first = rows[0]
  if (first === undefined) return undefined
  const processes = rows.filter((row) => row.found).map(processSpecOf)
  return DesiredState.fromPartial({ generation: first.generation, digest: Buffer.from(desiredDigest(processes)), processes })
}
