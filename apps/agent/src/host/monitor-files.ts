import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExitRecord } from '@berth/domain/process/exit-reason.js'

// What a monitor leaves in its run directory.

/** The exit record, complete once the file is there: it is written beside, fsynced and renamed. */
export interface MonitorStatus extends ExitRecord {
  /** Of the launcher, when the target never ran. */
  readonly step: string
  readonly message: string
  readonly stdoutBytes: bigint
  readonly stderrBytes: bigint
}

export async function readMonitorStatus(runDir: string): Promise<MonitorStatus | undefined> {
  const text = await readOrUndefined(join(runDir, 'status'))
  return text === undefined ? undefined : parseMonitorStatus(JSON.parse(text) as Record<string, unknown>)
}

/** Also reads the `exited` event, which lacks the lengths. */
export function parseMonitorStatus(record: Record<string, unknown>): MonitorStatus {
  const reason = record.reason
  return {
    code: Number(record.code ?? 125),
    signal: Number(record.signal ?? 0),
    reason: reason === 'signal' || reason === 'oom' || reason === 'setup' || reason === 'exec' ? reason : 'exited',
    step: String(record.step ?? ''),
    message: String(record.message ?? ''),
    stdoutBytes: BigInt(Number(record.stdout_bytes ?? 0)),
    stderrBytes: BigInt(Number(record.stderr_bytes ?? 0)),
  }
}

export interface MonitorIdentity {
  readonly monitorPid: number
  readonly targetPid: number
  readonly initPid: number
}

/** run.json; undefined = the monitor has not got so far. */
export async function readMonitorIdentity(runDir: string): Promise<MonitorIdentity | undefined> {
  const text = await readOrUndefined(join(runDir, 'run.json'))
  if (text === undefined || text === '') return undefined
  const record = JSON.parse(text) as Record<string, unknown>
  const pid = (...names: string[]) => Number(names.map((name) => record[name]).find((value) => value !== undefined) ?? 0)
  return {
    monitorPid: pid('monitor', 'monitor_pid'),
    targetPid: pid('pid', 'target', 'target_pid'),
    initPid: pid('init', 'init_pid'),
  }
}

/** Account of a living process; a dead one's is not known any more (0, which no content has). */
export async function ownerOf(pid: number): Promise<{ readonly uid: number; readonly gid: number }> {
  const found = await readOrUndefined(join('/proc', String(pid), 'status'))
  const id = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(found ?? '')?.[1] ?? 0)
  return { uid: id('Uid'), gid: id('Gid') }
}

/** Length of a stream's whole log as far as segments tell, for when there is no record. */
export async function logLength(runDir: string, stream: 'stdout' | 'stderr'): Promise<bigint> {
  const last = (await readdir(runDir))
    .filter((name) => name.startsWith(`${stream}.`) && /\.\d{20}$/.test(name))
    .sort()
    .at(-1)
  if (last === undefined) return 0n
  const { size } = await stat(join(runDir, last))
  return BigInt(last.slice(stream.length + 1)) + BigInt(size)
}

async function readOrUndefined(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
