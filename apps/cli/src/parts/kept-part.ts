// Keeps one part running: starts it again with back-off when it dies, and gives up only when it says that it cannot work.
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { EXIT_CONFIG, PART_LOG_BYTES_MAX, PART_RESTART_MS_MAX, PART_RESTART_MS_MIN, PART_STEADY_MS } from '../limits.js'
import { type PartStart, type StartedPart, startPart } from './start-part.js'

export interface KeptPart {
  readonly name: string
  readonly pid: number | undefined
  /** One line to the part on descriptor 3. */
  tell(command: object): void
  /** Asks it to end and waits; SIGKILL after the limit. It is not started again. */
  stop(how: { signal: NodeJS.Signals | null; limitMs: number }): Promise<void>
}

export interface KeptPartEvents {
  onRestart(name: string, how: string, delayMs: number): void
  /** It exited with EXIT_CONFIG: its own words are in `said`. */
  onHopeless(name: string, said: string): void
}

const SAID_BYTES_MAX = 4096

/** start: made anew for each start, because settings can hold one-time tokens. logFile: appended to, as root. */
export function keepPart(
  name: string,
  logFile: string,
  start: () => Omit<PartStart, 'output' | 'ownSession'>,
  events: KeptPartEvents,
): KeptPart {
  let running: StartedPart | undefined
  let stopping = false
  let delayMs = PART_RESTART_MS_MIN
  let timer: NodeJS.Timeout | undefined

  const launch = () => {
    const log = openLog(logFile)
    const startedAt = Date.now()
    const logBefore = statSync(logFile).size
    running = startPart({ ...start(), output: log, ownSession: true })
    closeSync(log)
    const { child } = running
    child.on('error', (error) => ended(`cannot be started: ${error.message}`, null))
    child.on('exit', (code, signal) => ended(signal === null ? `ended with ${code}` : `was ended by ${signal}`, code))

    const ended = (how: string, code: number | null) => {
      running = undefined
      if (stopping) return
      if (code === EXIT_CONFIG) {
        stopping = true
        events.onHopeless(name, tailOf(logFile, logBefore))
        return
      }
      if (Date.now() - startedAt > PART_STEADY_MS) delayMs = PART_RESTART_MS_MIN
      const jittered = Math.round(delayMs * (0.75 + Math.random() / 2))
      events.onRestart(name, how, jittered)
      timer = setTimeout(launch, jittered)
      delayMs = Math.min(delayMs * 2, PART_RESTART_MS_MAX)
    }
  }
  launch()

  return {
    name,
    get pid() {
      return running?.child.pid
    },
    tell(command) {
      running?.channel.write(`${JSON.stringify(command)}\n`)
    },
    async stop({ signal, limitMs }) {
      stopping = true
      clearTimeout(timer)
      const part = running
      if (part === undefined) return
      const exited = new Promise<void>((resolve) => part.child.once('exit', () => resolve()))
      if (signal !== null) part.child.kill(signal)
      const kill = setTimeout(() => part.child.kill('SIGKILL'), limitMs)
      await exited
      clearTimeout(kill)
    },
  }
}

function openLog(path: string): number {
  if (existsSync(path) && statSync(path).size > PART_LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

function tailOf(path: string, from: number): string {
  return readFileSync(path).subarray(from).subarray(-SAID_BYTES_MAX).toString('utf8').trim()
}
