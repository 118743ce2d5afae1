import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { decideIdle } from '@berth/domain/scaling/decide-idle.js'
import type { ChangeFeed } from '../events.js'
import { DRAIN_CONFIRM_MAX_MS } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { effectiveMs } from '../routing/build-route-snapshot.js'
import type { LoadLedger } from '../routing/load-ledger.js'
import type { RouteFeed } from '../routing/route-feed.js'
import { setIntent } from './stop-processes.js'
import type { StopReason } from './stop-reason.js'

export interface IdleDeps {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly ledger: LoadLedger
  readonly routes: RouteFeed
  readonly settings: Pick<ControlPlaneSettings, 'scheduler'>
  /** Milliseconds of a monotonic clock. */
  nowMs(): number
}

interface LiveRow {
  readonly id: string
  readonly node_id: string
  readonly phase: string
  readonly intent: 'run' | 'drain'
  readonly stop_reason: StopReason | null
  readonly idle_timeout: number | null
}

/**
 * Ends idle processes, and carries draining ones to their stop. What it remembers is only when it first met a process: after a
 * restart of ours an idle process lives one idle timeout longer, which harms nobody.
 */
export function createIdleReconciler(deps: IdleDeps): { round(): Promise<void>; given(processId: string): void } {
  const { sql, feed, ledger, routes } = deps
  const usedAtMs = new Map<string, number>()
  const drainingAtMs = new Map<string, number>()

  const decide = (row: LiveRow, nowMs: number): 'keep' | 'drain' | 'stop' => {
    const ready = row.phase === 'ready'
    // Somebody else decided that it ends (run_as changed, replaced): nobody is waited for beyond the gateways' word.
    if (row.intent === 'drain' && row.stop_reason !== 'idle') {
      const since = drainingAtMs.get(row.id) ?? nowMs
      drainingAtMs.set(row.id, since)
      const confirmed = ledger.view(row.id, routes.drainingSince(row.id), nowMs).drainConfirmed
      return !ready || confirmed || nowMs - since > DRAIN_CONFIRM_MAX_MS ? 'stop' : 'keep'
    }
    if (!ready) return 'keep'
    const since = usedAtMs.get(row.id) ?? nowMs
    usedAtMs.set(row.id, since)
    const view = ledger.view(row.id, routes.drainingSince(row.id), nowMs)
    return decideIdle({
      intent: row.intent,
      ready,
      connections: view.connections,
      idleMs: Math.min(view.idleMs, nowMs - since),
      idleTimeoutMs: effectiveMs(row.idle_timeout, deps.settings.scheduler.idleTimeoutMs),
      drainConfirmed: view.drainConfirmed,
    })
  }

  return {
    async round() {
      const rows = await sql<LiveRow[]>`
        select p.id, p.node_id, p.phase, p.intent, p.stop_reason, c.idle_timeout
        from processes p join content c on c.guid = p.content_guid
        where p.kind = 'service' and p.phase not in ('exited', 'refused') and p.intent <> 'stop'`
      const ids = new Set(rows.map((row) => row.id))
      for (const map of [usedAtMs, drainingAtMs]) for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
      const nowMs = deps.nowMs()
      for (const row of rows) {
        const decision = decide(row, nowMs)
        if (decision === 'keep') continue
        const changed = await sql.begin((tx) => setIntent(tx, { id: row.id, nodeId: row.node_id }, decision, 'idle'))
        if (!changed) continue
        feed.ring('node_changed', row.node_id)
        feed.ring('routes_changed')
        feed.ring('process_changed', row.id)
      }
    },
    given(processId) {
      usedAtMs.set(processId, deps.nowMs())
    },
  }
}
