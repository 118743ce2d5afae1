import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { CONTROL_LINE_BYTES_MAX } from '../limits.js'
import { type MonitorStatus, parseMonitorStatus } from './monitor-files.js'

// Executes the launcher: plan on descriptor 3, events on 4, secrets on 5. It stays as the process's monitor and outlives us.

export interface TargetStarted {
  readonly pid: number
  readonly initPid: number
  readonly monitorPid: number
  /** From the execution of the launcher to that of the target, as the launcher measured it. */
  readonly us: number
}

export interface LauncherListener {
  mounted(us: number): void
  started(target: TargetStarted): void
  /** The record is in the run directory by now. */
  exited(record: MonitorStatus): void
  /** The monitor process itself has ended: nothing will be heard of it any more. */
  gone(how: string): void
}

export interface LaunchRequest {
  readonly launcher: string
  readonly runDir: string
  readonly plan: Buffer
  /** undefined = the plan has no secret-env. */
  readonly secretEnv: Buffer | undefined
}

export function startLauncher(request: LaunchRequest, listener: LauncherListener): void {
  const plan = openPlan(request)
  const secrets = request.secretEnv === undefined ? 'ignore' : 'pipe'
  let child: ChildProcess
  try {
    child = spawn(request.launcher, [], {
      argv0: 'launcher',
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', plan, 'pipe', secrets],
    })
  } finally {
    closeSync(plan)
  }
  child.on('error', (error) => listener.gone(`the launcher cannot be executed: ${error.message}`))
  child.on('exit', (code, signal) => listener.gone(signal === null ? `it ended with ${code}` : `it was ended by ${signal}`))
  child.unref()
  if (request.secretEnv !== undefined) feed((child.stdio as readonly unknown[])[5] as Writable | null, request.secretEnv)
  const events = child.stdio[4] as Readable | null
  if (events !== null) readEvents(events, listener)
}

/**
 * The plan as a file without a name: complete before the launcher exists. Through a pipe, our own death in the middle of a large plan
 * would look like its end.
 */
function openPlan(request: LaunchRequest): number {
  const path = join(request.runDir, 'plan')
  const plan = openSync(path, 'w+', 0o600)
  unlinkSync(path)
  // At a position, so that the offset which the launcher inherits stays at the beginning.
  for (let at = 0; at < request.plan.length; ) at += writeSync(plan, request.plan, at, request.plan.length - at, at)
  return plan
}

function feed(pipe: Writable | null, bytes: Buffer): void {
  pipe?.on('error', () => undefined) // the launcher is gone; its exit says so
  pipe?.end(bytes)
}

function readEvents(events: Readable, listener: LauncherListener): void {
  let text = ''
  events.setEncoding('utf8')
  events.on('error', () => undefined)
  events.on('data', (data: string) => {
    const lines = (text + data).split('\n')
    text = (lines.pop() ?? '').slice(0, CONTROL_LINE_BYTES_MAX)
    for (const line of lines) handleEvent(line, listener)
  })
}

function handleEvent(line: string, listener: LauncherListener): void {
  const event = JSON.parse(line) as Record<string, unknown>
  if (event.event === 'mounted') listener.mounted(Number(event.us ?? 0))
  if (event.event === 'exited') listener.exited(parseMonitorStatus(event))
  if (event.event === 'started') {
    listener.started({
      pid: Number(event.pid),
      initPid: Number(event.init ?? 0),
      monitorPid: Number(event.monitor ?? 0),
      us: Number(event.us ?? 0),
    })
  }
}
