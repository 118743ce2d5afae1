import { isUuid } from '@berth/domain/ids.js'
import { applyObservation, type Observation, type ProcessRecord } from '@berth/domain/process/process-state.js'
import { JourneyEntry, LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import type { ProcessPosition } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type postgres from 'postgres'
import { raiseGeneration } from '../nodes/node.store.js'
import type { Sql, Tx } from '../platform/postgres.js'
import type { ProcessRow } from './process-row.js'

export type Ingested =
  /** A newer stream of the same node exists: nothing was written. */
  | { readonly kind: 'stale' }
  | {
      readonly kind: 'stored'
      /** Everything up to these numbers is committed. */
      readonly stored: readonly ProcessPosition[]
      /** Numbers are missing after these: send again. */
      readonly resend: readonly ProcessPosition[]
      readonly changed: readonly string[]
      readonly routesChanged: boolean
      readonly setChanged: boolean
      readonly observations: readonly Observation[]
      readonly ignored: number
      /** Events that cannot follow the phase they met: stored, counted, moved nothing. */
      readonly impossible: readonly string[]
    }

export interface IngestDeps {
  readonly sql: Sql
  /** In the transaction that stores the end: a process's own API key ends with it. */
  revokeProcessKeys(tx: Tx, processId: string): Promise<void>
}

/**
 * Stores a batch of one node in one transaction; the caller acknowledges after it returns. At least once in, exactly once in effect:
 * (process, seq) is the key, phases move by applyObservation alone, and only for the holder of the node's newest epoch.
 */
export async function ingestLifecycleEvents(
  deps: IngestDeps,
  source: { readonly nodeId: string; readonly epoch: bigint },
  events: readonly LifecycleEvent[],
): Promise<Ingested> {
  const byProcess = new Map<string, LifecycleEvent[]>()
  for (const event of events) byProcess.set(event.processId, [...(byProcess.get(event.processId) ?? []), event])
  return deps.sql.begin(async (tx): Promise<Ingested> => {
    const ids = [...byProcess.keys()].filter(isUuid)
    // Queries that do not need each other's answers are sent together, here and below: a visitor may wait for `ready`.
    const [[node], rows] = await Promise.all([
      tx<{ stream_epoch: bigint }[]>`select stream_epoch from nodes where id = ${source.nodeId} for no key update`,
      tx<ProcessRow[]>`
        select * from processes where id = any(${ids}::uuid[]) and node_id = ${source.nodeId} order by id for no key update`,
    ])
    if (node === undefined || node.stream_epoch !== source.epoch) return { kind: 'stale' }
    const known = new Map(rows.map((row) => [row.id, row]))
    const writes: PromiseLike<unknown>[] = []
    const out = {
      stored: [] as ProcessPosition[],
      resend: [] as ProcessPosition[],
      changed: [] as string[],
      observations: [] as Observation[],
      impossible: [] as string[],
      ignored: 0,
      routesChanged: false,
      setChanged: false,
    }
    for (const [processId, batch] of byProcess) {
      const row = known.get(processId)
      if (row === undefined) {
        // Not ours any more (content deleted): taken as stored, so that the agent can let go of it.
        out.stored.push({ processId, lastSeq: Math.max(...batch.map((event) => event.seq)) })
        out.ignored += batch.length
        continue
      }
      writes.push(...ingestOne(tx, row, batch, out, deps))
    }
    if (out.setChanged) writes.push(raiseGeneration(tx, [source.nodeId]))
    if (out.changed.length > 0) writes.push(tx`select pg_notify('process_changed', id) from unnest(${out.changed}::text[]) id`)
    if (out.routesChanged) writes.push(tx`select pg_notify('routes_changed', '')`)
    await Promise.all(writes)
    return { kind: 'stored', ...out }
  })
}

type Columns = Record<string, postgres.ParameterOrJSON<bigint>>

interface Tally {
  readonly stored: ProcessPosition[]
  readonly resend: ProcessPosition[]
  readonly changed: string[]
  readonly observations: Observation[]
  readonly impossible: string[]
  ignored: number
  routesChanged: boolean
  setChanged: boolean
}

/** Returns the writes, not yet carried out. */
function ingestOne(
  tx: Tx,
  row: ProcessRow,
  batch: readonly LifecycleEvent[],
  out: Tally,
  deps: IngestDeps,
): PromiseLike<unknown>[] {
  const writes: PromiseLike<unknown>[] = []
  let record: ProcessRecord = { phase: row.phase, lastSeq: row.last_seq }
  const accepted: LifecycleEvent[] = []
  const columns: Columns = {}
  let gap = false
  for (const event of [...batch].sort((a, b) => a.seq - b.seq)) {
    const observation = observationOf(event)
    const applied = applyObservation(record, { seq: event.seq, observation })
    if (applied.kind === 'ignored') out.ignored += 1
    else if (applied.kind === 'gap') gap = true
    else {
      accepted.push(event)
      record = applied.next
      out.observations.push(observation)
      if (applied.kind === 'impossible') out.impossible.push(`${row.id} ${event.seq}: ${applied.why}`)
      else Object.assign(columns, columnsOf(tx, event))
    }
  }
  if (accepted.length > 0) {
    writes.push(tx`
      insert into process_events ${tx(
        accepted.map((event) => ({ process_id: row.id, seq: event.seq, event: tx.json(LifecycleEvent.toJSON(event) as never) })),
        'process_id',
        'seq',
        'event',
      )} on conflict do nothing`)
    writes.push(tx`
      update processes set ${tx({ ...columns, phase: record.phase, last_seq: record.lastSeq })}
      where id = ${row.id} and phase = ${row.phase} and last_seq = ${row.last_seq}`)
    out.changed.push(row.id)
    const ended = (record.phase === 'exited' || record.phase === 'refused') && record.phase !== row.phase
    if (ended) {
      out.setChanged = true
      writes.push(deps.revokeProcessKeys(tx, row.id))
    }
    if (row.kind === 'service' && (ended || (record.phase === 'ready' && row.phase !== 'ready'))) out.routesChanged = true
  }
  out.stored.push({ processId: row.id, lastSeq: record.lastSeq })
  if (gap) out.resend.push({ processId: row.id, lastSeq: record.lastSeq })
  return writes
}

function observationOf(event: LifecycleEvent): Observation {
  switch (event.event?.$case) {
    case 'accepted':
    case 'refused':
    case 'started':
    case 'ready':
    case 'exited':
    case 'finalized':
      return event.event.$case
    default:
      // An event of a newer agent that this build does not know: numbered, stored, changes nothing.
      return 'finalized'
  }
}

/** Columns that an event tells. Times are the host's, for display only, and never after now. */
function columnsOf(tx: Tx, event: LifecycleEvent): Columns {
  const at = new Date(Math.min(Number(event.atMs), Date.now()))
  const journey =
    event.journey.length === 0 ? {} : { journey: tx.json(event.journey.map((entry) => JourneyEntry.toJSON(entry)) as never) }
  const body = event.event
  switch (body?.$case) {
    case 'refused':
      return { ...journey, exit_reason: 'refused', failing_step: body.value.reason, message: body.value.message, end_time: at }
    case 'started':
      return { ...journey, host_pid: body.value.hostPid, host_ppid: body.value.hostPpid, start_time: at }
    case 'ready':
      return { ...journey, socket_path: body.value.socketPath === '' ? null : body.value.socketPath, ready_time: at }
    case 'exited':
      return {
        ...journey,
        exit_code: body.value.code,
        exit_signal: body.value.signal,
        exit_reason: body.value.reason,
        failing_step: body.value.failingStep,
        message: body.value.message,
        end_time: at,
        socket_path: null,
      }
    case 'finalized':
      return { finalized: true }
    default:
      return journey
  }
}
