import { AppError } from '@berth/domain/app-error.js'
import { type Placement, type PlacementNeed, type PlacementNode, planPlacement } from '@berth/domain/placement/plan-placement.js'
import { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { NODE_PROCESSES_MAX } from '../limits.js'
import { placementNodes, raiseGeneration } from '../nodes/node.store.js'
import type { Tx } from '../platform/postgres.js'
import { randomKey } from '../random-key.js'
import type { ProcessRow } from './process-row.js'
import { uuidv7 } from './uuidv7.js'

export interface NewProcess {
  readonly kind: 'service' | 'job'
  /** Job tag of jobs-and-scaling 3.1. */
  readonly tag: string
  /** null = work that belongs to no content. */
  readonly content: { readonly guid: string; readonly id: bigint; readonly bundleId: bigint } | null
  readonly work: NonNullable<ProcessSpec['work']>
  readonly env: Readonly<Record<string, string>>
  /** Account name, the default already resolved. */
  readonly runAs: string
  readonly stopGraceMs: number
  readonly killGraceMs: number
  readonly traceparent: string | null
  readonly requestedBy: string | null
  readonly need: PlacementNeed
}

export type Created = { readonly kind: 'created'; readonly row: ProcessRow } | Extract<Placement, { kind: 'none' }>

/**
 * Chooses the node and inserts the row, and so decides that the process will run: the agent is told by the node's next generation.
 * Callers hold the content's row lock (or the environment's), which is what makes "at most one" true; then nodes, then processes
 * are locked, in this order everywhere. nodes: as read a moment ago in the same transaction.
 */
export async function createProcess(tx: Tx, input: NewProcess, nodes?: readonly PlacementNode[]): Promise<Created> {
  const placement = planPlacement(nodes ?? (await placementNodes(tx)), input.need, NODE_PROCESSES_MAX)
  if (placement.kind === 'none') return placement
  const key = randomKey(JOB_KEY_CHARS)
  const env = input.kind === 'service' ? { ...input.env, CONNECT_CONTENT_JOB_KEY: key } : { ...input.env }
  // Sent together, carried out in this order: a visitor waits for every round trip.
  const raised = raiseGeneration(tx, [placement.nodeId])
  const inserted = tx<ProcessRow[]>`
    insert into processes (id, key, kind, tag, content_guid, content_id, bundle_id, node_id, work, env, stop_grace_ms, kill_grace_ms, run_as, traceparent, requested_by, hostname)
    select ${uuidv7()}, ${key}, ${input.kind}, ${input.tag}, ${input.content?.guid ?? null}, ${input.content?.id ?? null}, ${input.content?.bundleId ?? null},
           n.id, ${tx.json(workJson(input.work))}, ${tx.json(env)}, ${input.stopGraceMs}, ${input.killGraceMs}, ${input.runAs},
           ${input.traceparent}, ${input.requestedBy}, n.hostname
    from nodes n where n.id = ${placement.nodeId}
    returning *`
  const [, [row]] = await Promise.all([raised, inserted])
  if (row === undefined) throw new AppError('unavailable', 'the chosen host left while a process was placed on it')
  return { kind: 'created', row }
}

function workJson(work: NonNullable<ProcessSpec['work']>): Record<string, never> {
  const json = ProcessSpec.toJSON(ProcessSpec.fromPartial({ work })) as Record<string, never>
  return Object.fromEntries(Object.entries(json).filter(([name]) => name === work.$case))
}

/** Characters of a job's key, as clients know it. */
const JOB_KEY_CHARS = 16
