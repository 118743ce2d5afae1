import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { RestorePythonWork } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import type { ChangeFeed } from '../events.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { createProcess } from '../processes/create-process.js'
import type { ProcessRow } from '../processes/process-row.js'

export interface EnvironmentKey {
  readonly hash: string
  readonly pythonVersion: string
  readonly requirements: string
}

export type EnvironmentState =
  | { readonly kind: 'ready' }
  /** Somebody's restore is under way: wait for this process. */
  | { readonly kind: 'building'; readonly processId: string; readonly nodeId: string; readonly mine: boolean }
  | { readonly kind: 'failed'; readonly process: ProcessRow | null; readonly message: string }

interface EnvironmentRow {
  readonly state: 'building' | 'ready' | 'failed'
  readonly process_id: string | null
}

export interface EnvironmentDeps {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly settings: Pick<ControlPlaneSettings, 'runAs' | 'scheduler'>
}

/**
 * Moves the environment one step on: ready, being built, or failed. The row and its restore process are made in one transaction under
 * the row's lock, so it is built once however many deployments want it, and whoever looks next goes on where a crash left it.
 * since: a restore that ended in failure after it counts for the caller; an older failure is tried again.
 */
export async function advanceEnvironment(
  deps: EnvironmentDeps,
  key: EnvironmentKey,
  since: Date,
  ask: { readonly traceparent: string | null; readonly requestedBy: string | null },
): Promise<EnvironmentState> {
  const state = await deps.sql.begin(async (tx): Promise<EnvironmentState> => {
    await tx`
      insert into environments (hash, python_version, requirements, state) values (${key.hash}, ${key.pythonVersion}, ${key.requirements}, 'failed')
      on conflict do nothing`
    const [row] = await tx<EnvironmentRow[]>`
      select state, process_id from environments where hash = ${key.hash} and python_version = ${key.pythonVersion} for update`
    if (row === undefined) throw new AppError('internal', 'the environment row vanished')
    if (row.state === 'ready') {
      await tx`update environments set last_used_time = now() where hash = ${key.hash} and python_version = ${key.pythonVersion}`
      return { kind: 'ready' }
    }
    const process =
      row.process_id === null ? undefined : (await tx<ProcessRow[]>`select * from processes where id = ${row.process_id}`)[0]
    const live = process !== undefined && process.phase !== 'exited' && process.phase !== 'refused'
    if (process !== undefined && live) return { kind: 'building', processId: process.id, nodeId: process.node_id, mine: false }
    if (
      process !== undefined &&
      row.state === 'building' &&
      process.phase === 'exited' &&
      process.exit_code === 0 &&
      process.exit_reason === 'exited'
    ) {
      await setState(tx, key, 'ready')
      return { kind: 'ready' }
    }
    if (process !== undefined && process.end_time !== null && process.end_time >= since) {
      await setState(tx, key, 'failed')
      return { kind: 'failed', process, message: process.message ?? '' }
    }
    const created = await createProcess(tx, {
      kind: 'job',
      tag: 'python_restore',
      content: null,
      work: {
        $case: 'restorePython',
        value: RestorePythonWork.fromPartial({
          pythonVersion: key.pythonVersion,
          environmentHash: key.hash,
          requirements: key.requirements,
        }),
      },
      env: {},
      runAs: deps.settings.runAs.defaultAccount, // packages are always installed as Applications.RunAs
      stopGraceMs: deps.settings.scheduler.stopGraceMs,
      killGraceMs: deps.settings.scheduler.killGraceMs,
      traceparent: ask.traceparent,
      requestedBy: ask.requestedBy,
      need: { python: key.pythonVersion, r: null },
    })
    if (created.kind === 'none') return { kind: 'failed', process: null, message: created.message }
    await tx`
      update environments set state = 'building', process_id = ${created.row.id}, last_used_time = now()
      where hash = ${key.hash} and python_version = ${key.pythonVersion}`
    return { kind: 'building', processId: created.row.id, nodeId: created.row.node_id, mine: true }
  })
  if (state.kind === 'building' && state.mine) deps.feed.ring('node_changed', state.nodeId)
  return state
}

async function setState(tx: Tx, key: EnvironmentKey, state: 'ready' | 'failed'): Promise<void> {
  await tx`update environments set state = ${state} where hash = ${key.hash} and python_version = ${key.pythonVersion}`
}
