import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { isAppMode, isSupportedAppMode, runTag } from '@berth/domain/manifest/app-modes.js'
import { decideCrashHold } from '@berth/domain/process/decide-crash-hold.js'
import { ServeWork } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { StartFailure } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { CRASH_HOLD_MS, CRASH_WINDOW_MS, CRASHES_BEFORE_HOLD } from '../limits.js'
import { placementNodes } from '../nodes/node.store.js'
import type { Sql, Tx } from '../platform/postgres.js'
import { createProcess } from '../processes/create-process.js'
import type { ProcessRow } from '../processes/process-row.js'
import { stopAllOfContent } from '../processes/stop-processes.js'
import { effectiveMs } from './build-route-snapshot.js'

export type EnsureSettings = Pick<ControlPlaneSettings, 'scheduler' | 'runAs' | 'address' | 'defaultServerEnv'>

export type Ensured =
  | { readonly kind: 'process'; readonly row: ProcessRow; readonly created: boolean; readonly initTimeoutMs: number }
  /** A process of the content runs under another account: first it must end. */
  | {
      readonly kind: 'wait_for_end'
      readonly processId: string
      readonly nodeId: string
      readonly ordered: boolean
      readonly initTimeoutMs: number
    }
  /** It failed several times in a row a moment ago; this is the last of them. */
  | { readonly kind: 'held'; readonly row: ProcessRow }
  | { readonly kind: 'failure'; readonly failure: StartFailure }

interface ContentRow {
  readonly guid: string
  readonly id: bigint
  readonly run_as: string | null
  readonly init_timeout: number | null
  readonly bundle_id: bigint
  readonly state: string
  readonly app_mode: string
  readonly entrypoint: string | null
  readonly python_version: string | null
  readonly r_version: string | null
  readonly environment_hash: string | null
}

/**
 * The one live service process of a bundle, made when there is none. The content's row lock makes it one, whoever asks at once
 * and wherever; a change of account takes the same lock, so no process is placed with an account that was just replaced.
 */
export async function ensureProcess(
  sql: Sql,
  settings: EnsureSettings,
  ask: { readonly contentGuid: string; readonly bundleId: bigint; readonly traceparent: string },
): Promise<Ensured> {
  return sql.begin(async (tx): Promise<Ensured> => {
    const [content] = await tx<ContentRow[]>`
      select c.guid, c.id, c.run_as, c.init_timeout, b.id as bundle_id, b.state, b.app_mode, b.manifest #>> '{metadata,entrypoint}' as entrypoint,
             b.python_version, b.r_version, b.environment_hash
      from content c join bundles b on b.content_guid = c.guid and b.id = ${ask.bundleId}
      where c.guid = ${ask.contentGuid} for no key update of c`
    const refusal = refusalFor(content)
    if (content === undefined || refusal !== undefined) {
      return { kind: 'failure', failure: StartFailure.fromPartial(refusal ?? NOT_DEPLOYED) }
    }
    const runAs = content.run_as === null || content.run_as === '' ? settings.runAs.defaultAccount : content.run_as
    const initTimeoutMs = effectiveMs(content.init_timeout, settings.scheduler.initTimeoutMs)
    // One round trip for all that the decision may need: a visitor waits.
    const [live, crashed, nodes] = await Promise.all([
      tx<
        ProcessRow[]
      >`select * from processes where content_guid = ${content.guid} and phase not in ('exited', 'refused') order by job_id`,
      crashesOf(tx, content),
      placementNodes(tx),
    ])
    const mine = live.find(
      (row) => row.kind === 'service' && row.bundle_id === content.bundle_id && row.intent === 'run' && row.run_as === runAs,
    )
    if (mine !== undefined) return { kind: 'process', row: mine, created: false, initTimeoutMs }
    const foreign = live.find((row) => row.run_as !== runAs)
    if (foreign !== undefined) {
      const ordered = foreign.intent === 'run' && (await stopAllOfContent(tx, content.guid, 'run_as_changed')) > 0
      return { kind: 'wait_for_end', processId: foreign.id, nodeId: foreign.node_id, ordered, initTimeoutMs }
    }
    const held = lastOfTooMany(crashed)
    if (held !== undefined) return { kind: 'held', row: held }
    const created = await createProcess(
      tx,
      {
        kind: 'service',
        tag: isAppMode(content.app_mode) ? runTag(content.app_mode) : 'unknown',
        content: { guid: content.guid, id: content.id, bundleId: content.bundle_id },
        work: {
          $case: 'serve',
          value: ServeWork.fromPartial({
            appMode: content.app_mode,
            entrypoint: content.entrypoint ?? '',
            pythonVersion: content.python_version ?? '',
            environmentHash: content.environment_hash ?? '',
            rVersion: content.r_version ?? '',
            initTimeoutMs,
          }),
        },
        env: contentEnvironment(content.guid, settings),
        runAs,
        stopGraceMs: settings.scheduler.stopGraceMs,
        killGraceMs: settings.scheduler.killGraceMs,
        traceparent: ask.traceparent === '' ? null : ask.traceparent,
        requestedBy: null,
        need: { python: content.python_version, r: content.r_version },
      },
      nodes,
    )
    if (created.kind === 'none') {
      return {
        kind: 'failure',
        failure: StartFailure.fromPartial({ code: 'no_node', message: created.message, retryLater: true }),
      }
    }
    return { kind: 'process', row: created.row, created: true, initTimeoutMs }
  })
}

const NOT_DEPLOYED = { code: 'not_deployed', message: 'Nothing is deployed here yet.' }

function refusalFor(content: ContentRow | undefined): { code: string; message: string } | undefined {
  if (content === undefined || content.state !== 'built') return NOT_DEPLOYED
  if (content.app_mode === 'static' || !isAppMode(content.app_mode) || !isSupportedAppMode(content.app_mode)) {
    return { code: 'refused', message: `Content of type ${content.app_mode} has no process to start.` }
  }
  return undefined
}

/** Not secret; secrets are fetched at the launch. Source: Applications.DefaultServerEnv, content-types 2.3. */
function contentEnvironment(guid: string, settings: EnsureSettings): Record<string, string> {
  const server = settings.address
  return {
    CONNECT_CONTENT_GUID: guid,
    ...(settings.defaultServerEnv && server !== null ? { CONNECT_SERVER: server.endsWith('/') ? server : `${server}/` } : {}),
  }
}

interface CrashRow extends ProcessRow {
  readonly ended_ms: number
  readonly now_ms: number
}

/** Starts that failed lately, newest first; only ends by themselves, since the last one that became ready. */
function crashesOf(tx: Tx, content: ContentRow): Promise<readonly CrashRow[]> {
  return tx<CrashRow[]>`
    select p.*, (extract(epoch from p.end_time) * 1000)::float8 as ended_ms, (extract(epoch from now()) * 1000)::float8 as now_ms
    from processes p
    where p.content_guid = ${content.guid} and p.bundle_id = ${content.bundle_id} and p.kind = 'service' and p.intent = 'run'
      and p.phase in ('exited', 'refused') and p.ready_time is null and p.end_time > now() - ${CRASH_WINDOW_MS} * interval '1 millisecond'
      and p.job_id > coalesce((select max(job_id) from processes r where r.bundle_id = p.bundle_id and r.ready_time is not null), 0)
    order by p.job_id desc limit ${CRASHES_BEFORE_HOLD}`
}

/** The last failed start when there were too many a moment ago. */
function lastOfTooMany(crashes: readonly CrashRow[]): ProcessRow | undefined {
  const last = crashes[0]
  if (last === undefined) return undefined
  const decision = decideCrashHold(
    crashes.map((row) => row.ended_ms),
    last.now_ms,
    { windowMs: CRASH_WINDOW_MS, failuresMax: CRASHES_BEFORE_HOLD, holdMs: CRASH_HOLD_MS },
  )
  return decision.kind === 'hold' ? last : undefined
}
