import { AppError } from '@berth/domain/app-error.js'
import { isUuid } from '@berth/domain/ids.js'
import { type AcquireProcessRequest, AcquireProcessResponse, StartFailure } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { ChangeFeed } from '../events.js'
import { ACQUIRE_MARGIN_MS, ACQUIRE_WAIT_MAX_MS, ACQUIRE_WAITING_MAX, FAILURE_LOG_WAIT_MS, WAIT_RECHECK_MS } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { describeFailure } from '../processes/describe-failure.js'
import type { ProcessRow } from '../processes/process-row.js'
import type { Log, Metrics } from '../telemetry.js'
import { waitForChange } from '../wait-for-change.js'
import { type Ensured, type EnsureSettings, ensureProcess } from './ensure-process.js'

export type AcquireProcess = (ask: AcquireProcessRequest, signal: AbortSignal) => Promise<AcquireProcessResponse>

export interface AcquireDeps {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly settings: EnsureSettings
  readonly log: Log
  readonly metrics: Metrics
  /** Told when an endpoint is given out: a visit is about to begin on it. */
  given(processId: string): void
}

/**
 * Holds until a process of the bundle is ready, or says why none will be: the failing step of the start, or that its time is over.
 * Cancelled by the signal when the visitor has gone; the start goes on for the next one.
 */
export function createAcquireProcess(deps: AcquireDeps): AcquireProcess {
  const { sql, feed, metrics } = deps
  const ensuring = new Map<string, Promise<Ensured>>()
  let waiting = 0

  // Visitors who arrive together share one transaction.
  const ensure = (ask: AcquireProcessRequest): Promise<Ensured> => {
    const key = `${ask.contentGuid} ${ask.bundleId}`
    const running = ensuring.get(key)
    if (running !== undefined) return running
    const fresh = ensureProcess(sql, deps.settings, ask).finally(() => ensuring.delete(key))
    ensuring.set(key, fresh)
    return fresh
  }

  const acquire = async (ask: AcquireProcessRequest, signal: AbortSignal): Promise<AcquireProcessResponse> => {
    if (!isUuid(ask.contentGuid)) throw new AppError('invalid', 'content_guid is no UUID')
    const began = performance.now()
    for (;;) {
      const ensured = await ensure(ask)
      if (ensured.kind === 'failure') return failed(ensured.failure)
      if (ensured.kind === 'held') return failed(await describeFailure(sql, ensured.row, { retryLater: true }))
      const limitMs = ensured.initTimeoutMs === 0 ? ACQUIRE_WAIT_MAX_MS : ensured.initTimeoutMs + ACQUIRE_MARGIN_MS
      const leftMs = limitMs - (performance.now() - began)
      if (leftMs <= 0) return failed(timedOut())
      if (ensured.kind === 'wait_for_end') {
        if (ensured.ordered) {
          feed.ring('node_changed', ensured.nodeId)
          feed.ring('routes_changed')
        }
        await waitForEnd(ensured.processId, leftMs, signal)
      } else {
        if (ensured.created) feed.ring('node_changed', ensured.row.node_id)
        const seen = await waitForStart(ensured, leftMs, signal)
        if (seen === 'timeout') return failed(timedOut(ensured.row.key))
        if (seen !== 'again') return seen
      }
      if (signal.aborted) throw new AppError('unavailable', 'the visitor has gone')
    }
  }

  const waitForStart = async (
    { row, created }: { readonly row: ProcessRow; readonly created: boolean },
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<AcquireProcessResponse | 'again' | 'timeout'> => {
    let first: ProcessRow | undefined = created ? row : undefined
    const waited = await waitForChange<ProcessRow | 'gone'>({
      feed,
      channel: 'process_changed',
      id: row.id,
      recheckMs: WAIT_RECHECK_MS,
      timeoutMs,
      signal,
      async check() {
        // One that we made just now cannot have moved; one that was found may have, between its reading and our listening.
        const now: ProcessRow | undefined = first ?? (await sql<ProcessRow[]>`select * from processes where id = ${row.id}`)[0]
        first = undefined
        if (now === undefined) return 'gone'
        const settled = now.phase === 'ready' || now.phase === 'exited' || now.phase === 'refused' || now.intent !== 'run'
        return settled ? now : undefined
      },
    })
    if (waited.kind === 'aborted') throw new AppError('unavailable', 'the visitor has gone')
    if (waited.kind === 'timeout') return 'timeout'
    const now = waited.value
    if (now === 'gone') return failed(StartFailure.fromPartial({ code: 'not_deployed', message: 'This content was deleted.' }))
    if (now.intent === 'run' && now.phase === 'ready' && now.socket_path !== null) {
      deps.given(now.id)
      return AcquireProcessResponse.fromPartial({
        outcome: { $case: 'endpoint', value: { processId: now.id, socketPath: now.socket_path, draining: false } },
      })
    }
    if (now.intent !== 'run' && now.stop_reason !== 'killed') return 'again' // replaced meanwhile: another one takes its place
    if (now.intent !== 'run') {
      return failed(
        StartFailure.fromPartial({
          code: 'start_failed',
          message: 'The application was stopped while it started.',
          jobKey: now.key,
          retryLater: true,
        }),
      )
    }
    if (now.ready_time !== null) return 'again' // it was ready and ended before anybody came
    return failed(await describeFailure(sql, await withItsLog(now), { retryLater: false }))
  }

  /** Output travels apart from events: the last lines are worth a short wait. */
  const withItsLog = async (row: ProcessRow): Promise<ProcessRow> => {
    const waited = await waitForChange<ProcessRow>({
      feed,
      channel: 'process_changed',
      id: row.id,
      recheckMs: WAIT_RECHECK_MS,
      timeoutMs: FAILURE_LOG_WAIT_MS,
      async check() {
        const [now] = await sql<ProcessRow[]>`select * from processes where id = ${row.id}`
        return now?.finalized === true ? now : undefined
      },
    })
    return waited.kind === 'seen' ? waited.value : row
  }

  const waitForEnd = async (processId: string, timeoutMs: number, signal: AbortSignal): Promise<void> => {
    await waitForChange<true>({
      feed,
      channel: 'process_changed',
      id: processId,
      recheckMs: WAIT_RECHECK_MS,
      timeoutMs,
      signal,
      async check() {
        const live = await sql`select 1 from processes where id = ${processId} and phase not in ('exited', 'refused')`
        return live.length === 0 ? true : undefined
      },
    })
  }

  return async (ask, signal) => {
    if (waiting >= ACQUIRE_WAITING_MAX) throw new AppError('too_many', 'too many visitors wait for processes: try again')
    waiting += 1
    metrics.acquireWaiting.set(waiting)
    const end = metrics.acquireSeconds.startTimer()
    let outcome = 'error'
    try {
      const answer = await acquire(ask, signal)
      outcome = answer.outcome?.$case === 'failure' ? answer.outcome.value.code : 'ready'
      return answer
    } finally {
      waiting -= 1
      metrics.acquireWaiting.set(waiting)
      end({ outcome })
    }
  }
}

function failed(failure: StartFailure): AcquireProcessResponse {
  return AcquireProcessResponse.fromPartial({ outcome: { $case: 'failure', value: failure } })
}

function timedOut(jobKey = ''): StartFailure {
  return StartFailure.fromPartial({
    code: 'init_timeout',
    message: 'The application did not become ready in time; its host has not answered.',
    jobKey,
    retryLater: true,
  })
}
