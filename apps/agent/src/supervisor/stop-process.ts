import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { killLeaves } from '../host/cgroups.js'
import type { MonitorLink } from '../host/monitor-link.js'
import { KILLED_RECORD_MS } from '../limits.js'

const SIGINT = 2
const SIGTERM = 15

/**
 * Ends a process: the signal its framework takes as "finish", SIGTERM after the first grace, the whole tree after the second. Always
 * through the monitor; the cgroup only when the monitor does not do it. Returns when the monitor has ended, or should have.
 */
export async function stopProcess(spec: ProcessSpec, monitor: MonitorLink, cgroups: readonly string[]): Promise<void> {
  const ended = monitor.ended.then(() => true)
  const endsWithin = (ms: number) => Promise.race([ended, sleep(ms, false, { ref: false })])
  const { stopGraceMs, killGraceMs } = spec.stop ?? { stopGraceMs: 0, killGraceMs: 0 }
  const soft = softSignal(spec)
  await monitor.signal(soft).catch(() => undefined)
  if (await endsWithin(stopGraceMs)) return
  if (soft !== SIGTERM) await monitor.signal(SIGTERM).catch(() => undefined)
  if (await endsWithin(killGraceMs)) return
  await monitor.kill().catch(() => killLeaves(cgroups))
  if (await endsWithin(KILLED_RECORD_MS)) return
  await killLeaves(cgroups)
  await endsWithin(KILLED_RECORD_MS)
}

/** R ends its event loop and runs its onStop hooks at SIGINT; SIGTERM ends R at once. */
function softSignal(spec: ProcessSpec): number {
  return spec.work?.$case === 'serve' && spec.work.value.appMode === 'shiny' ? SIGINT : SIGTERM
}
