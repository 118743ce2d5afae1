import { setTimeout as sleep } from 'node:timers/promises'
import { killLeaves } from '../host/cgroups.js'
import { askMonitor } from '../host/control-socket.js'
import { type MonitorStatus, readMonitorIdentity, readMonitorStatus } from '../host/monitor-files.js'
import { isMonitorAlive } from '../host/monitor-lock.js'
import { ADOPT_ANSWER_MS, CONTROL_SOCKET_ANSWER_MS } from '../limits.js'
import type { RunFrom } from './process-runner.js'
import type { RunDir } from './run-dir.js'

/** What a restarted agent finds of one process. */
export interface Remains {
  /** Its end, or that it was refused, is among its events. */
  readonly endReported: boolean
  readonly record: MonitorStatus | undefined
  readonly sameBoot: boolean
  /** `answers` on its control socket; `silent` = holds its lock only; `gone` = nobody holds the lock. */
  readonly monitor: 'answers' | 'silent' | 'gone'
  /** run.json is there: the target was about to be executed, or was. */
  readonly wasLaunched: boolean
}

/** Where to go on. `kill` first when something may be left that nobody watches. Pure. Source: agent-protocol 4.3, exactly-once starts. */
export function decideAdoption(remains: Remains): { readonly from: RunFrom; readonly kill: boolean } {
  const { record } = remains
  if (remains.endReported) return { from: { kind: 'over' }, kill: false }
  if (record !== undefined) return { from: { kind: 'ended', record, rebooted: false }, kill: false }
  if (!remains.sameBoot) return { from: { kind: 'ended', record: undefined, rebooted: true }, kill: false }
  if (remains.monitor === 'answers') return { from: { kind: 'adopt' }, kill: false }
  // The launcher looks for run.json under its lock: a start under the same id cannot become a second one.
  if (remains.monitor === 'gone' && !remains.wasLaunched) return { from: { kind: 'start' }, kill: false }
  return { from: { kind: 'ended', record: undefined, rebooted: false }, kill: true }
}

/** Looks at a run directory, gives a silent monitor ADOPT_ANSWER_MS to answer, and kills what nobody watches. */
export async function adopt(dir: RunDir, bootId: string): Promise<RunFrom> {
  const deadlineMs = performance.now() + ADOPT_ANSWER_MS
  for (;;) {
    const remains = await lookAt(dir, bootId)
    if (remains.monitor === 'silent' && performance.now() < deadlineMs) {
      await sleep(CONTROL_SOCKET_ANSWER_MS / 10)
      continue
    }
    const { from, kill } = decideAdoption(remains)
    if (kill) await killLeaves(dir.record.cgroups)
    return from
  }
}

async function lookAt(dir: RunDir, bootId: string): Promise<Remains> {
  const sameBoot = dir.record.bootId === bootId
  const endReported = dir.find('exited') !== undefined || dir.find('refused') !== undefined
  const monitor = endReported || !sameBoot ? 'gone' : await lookForMonitor(dir.path)
  // After the monitor: when it was gone, its record is final.
  const [record, identity] = await Promise.all([readMonitorStatus(dir.path), readMonitorIdentity(dir.path)])
  return { endReported, record, sameBoot, monitor, wasLaunched: identity !== undefined }
}

async function lookForMonitor(runDir: string): Promise<Remains['monitor']> {
  try {
    return (await askMonitor(runDir, 'ping')).startsWith('pong 1') ? 'answers' : 'silent'
  } catch {
    return (await isMonitorAlive(runDir)) ? 'silent' : 'gone'
  }
}
