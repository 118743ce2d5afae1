import { AGENT_PROTOCOL, PRODUCT_VERSION } from '@berth/domain/versions.js'
import { type Hello, HostFacts, type ProcessPosition, Welcome } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { Sql } from '../platform/postgres.js'
import { recordLost } from '../processes/record-lost.js'
import { readDesiredState } from './desired-state.js'

export type HelloAnswer =
  | { readonly kind: 'welcome'; readonly epoch: bigint; readonly welcome: Welcome; readonly lost: readonly string[] }
  | { readonly kind: 'unknown_node' }
  | { readonly kind: 'protocol'; readonly message: string }

/**
 * A stream begins: the newest epoch wins, and every write of an older stream is refused from now on.
 * Raises the generation past the agent's ledger when the database is behind it (restored), or differs from it (I3).
 */
export async function acceptHello(sql: Sql, nodeId: string, hello: Hello): Promise<HelloAnswer> {
  const protocol = Math.min(hello.protocolMax, AGENT_PROTOCOL.max)
  if (protocol < Math.max(hello.protocolMin, AGENT_PROTOCOL.min)) {
    return {
      kind: 'protocol',
      message: `the agent speaks protocol ${hello.protocolMin} to ${hello.protocolMax}, this control plane ${AGENT_PROTOCOL.min} to ${AGENT_PROTOCOL.max}: install the same release on both`,
    }
  }
  return sql.begin(async (tx): Promise<HelloAnswer> => {
    const [node] = await tx<{ epoch: bigint; generation: bigint }[]>`
      update nodes set stream_epoch = nextval('stream_epoch_seq'), boot_id = ${hello.bootId}, agent_run = ${hello.agentRun}, version = ${hello.version},
        hostname = ${hello.hostname}, facts = ${tx.json(HostFacts.toJSON(hello.facts ?? HostFacts.create()) as never)}, last_seen_time = now(),
        generation = greatest(generation, ${hello.ledgerGeneration})
      where id = ${nodeId}
      returning stream_epoch as epoch, generation`
    if (node === undefined) return { kind: 'unknown_node' }
    const listed = hello.processes.map((position) => position.processId)
    const rows = await tx<
      { id: string; last_seq: number }[]
    >`select id, last_seq from processes where id = any(${listed}::uuid[]) and node_id = ${nodeId}`
    const stored = new Map(rows.map((row) => [row.id, row.last_seq]))
    const lost = await recordLost(tx, nodeId, listed)
    const desired = await readDesiredState(tx, nodeId)
    const sameNumber = desired?.generation === hello.ledgerGeneration
    if (
      desired !== undefined &&
      hello.ledgerGeneration > 0n &&
      sameNumber &&
      !Buffer.from(desired.digest).equals(Buffer.from(hello.ledgerDigest))
    ) {
      await tx`update nodes set generation = generation + 1 where id = ${nodeId}`
    }
    const positions: ProcessPosition[] = hello.processes.map(({ processId, lastSeq }) => ({
      processId,
      // Nobody asks any more about a process that we do not know (its content is deleted): nothing of it needs sending.
      lastSeq: stored.get(processId) ?? lastSeq,
    }))
    return {
      kind: 'welcome',
      epoch: node.epoch,
      welcome: Welcome.fromPartial({ protocol, streamEpoch: node.epoch, version: PRODUCT_VERSION, stored: positions }),
      lost,
    }
  })
}
