import type { PlacementNode } from '@berth/domain/placement/plan-placement.js'
import { HostFacts } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { NODE_DISCONNECTED_AFTER_MS, NODE_SUSPECT_AFTER_MS } from '../limits.js'
import type { Sql, Tx } from '../platform/postgres.js'

/** +1 on the desired state of each node, in the transaction that changes it. Locks the nodes, in order of id. */
export async function raiseGeneration(tx: Tx, nodeIds: readonly string[]): Promise<void> {
  for (const id of [...new Set(nodeIds)].sort()) {
    await tx`update nodes set generation = generation + 1 where id = ${id} returning pg_notify('node_changed', id::text)`
  }
}

/** Every node as placement sees it; liveness by the database's clock. */
export async function placementNodes(sql: Sql | Tx): Promise<readonly PlacementNode[]> {
  const rows = await sql<
    { id: string; cpus: number | null; pythons: string[] | null; rs: string[] | null; age_ms: number | null; live: number }[]
  >`
    select n.id, (n.facts->>'cpuCount')::int as cpus,
           jsonb_path_query_array(n.facts, '$.pythons[*].version') as pythons,
           jsonb_path_query_array(n.facts, '$.rs[*].version') as rs,
           (extract(epoch from now() - n.last_seen_time) * 1000)::float8 as age_ms,
           (select count(*)::int from processes p where p.node_id = n.id and p.phase not in ('exited', 'refused')) as live
    from nodes n`
  return rows.map((row) => ({
    nodeId: row.id,
    link: linkOf(row.age_ms),
    cpuCount: row.cpus ?? 1,
    liveProcesses: row.live,
    pythons: row.pythons ?? [],
    rs: row.rs ?? [],
  }))
}

function linkOf(ageMs: number | null): PlacementNode['link'] {
  if (ageMs === null || ageMs > NODE_DISCONNECTED_AFTER_MS) return 'disconnected'
  return ageMs > NODE_SUSPECT_AFTER_MS ? 'suspect' : 'live'
}

/** Facts of every node that was seen lately: what deployments choose interpreters from. */
export async function connectedFacts(sql: Sql | Tx): Promise<readonly HostFacts[]> {
  const rows = await sql<{ facts: unknown }[]>`
    select facts from nodes where facts is not null and last_seen_time > now() - ${NODE_DISCONNECTED_AFTER_MS} * interval '1 millisecond' order by id`
  return rows.map((row) => HostFacts.fromJSON(row.facts))
}

export async function nodeExists(sql: Sql, nodeId: string): Promise<boolean> {
  return (await sql`select 1 from nodes where id = ${nodeId}`).length > 0
}

/** In bulk: nodes with a living stream and the processes whose monitors they see. */
export async function recordSeen(sql: Sql, nodeIds: readonly string[], processIds: readonly string[]): Promise<void> {
  await sql`update nodes set last_seen_time = now() where id = any(${[...nodeIds]}::uuid[])`
  if (processIds.length > 0)
    await sql`update processes set last_heartbeat_time = now() where id = any(${[...processIds]}::uuid[]) and phase not in ('exited', 'refused')`
}
