// Keeps one part of Berth running: starts it, waits until it answers, starts it again with a growing delay when it ends.
import { identify, type ProcessIdentity } from '../host/process-identity.js'
import {
  KILL_WAIT_MS,
  LOG_TAIL_SHOWN,
  PART_POLL_MS,
  PART_READY_TIMEOUT_MS,
  PART_STOP_TIMEOUT_MS,
  START_ATTEMPTS_MAX,
} from '../limits.js'
import type { PartLog } from '../up/part-log.js'
import { waitUntil } from '../wait-until.js'
import type { Part } from './part.js'
import { countEnd, restartDelayMs } from './restart-policy.js'
import { type SpawnedPart, spawnPart } from './spawn-part.js'

/** Nothing that starting again would cure; see docs/architecture/contracts.md 2. */
export const EXIT_HOPELESS = 78

export class PartFailed extends Error {
  override readonly name = 'PartFailed'
}

export interface PartKeeper {
  readonly name: string
  /** Resolves when it answers; throws PartFailed with its last words when it does not. */
  start(): Promise<void>
  /** It has answered once. */
  hasStarted(): boolean
  /** One more line on its descriptor 3. */
  tell(command: object): void
  /** Sees to it that it runs now, whatever delay was planned: only a running agent can end content. */
  ensureRunning(): Promise<boolean>
  /** Resolves when it has ended by itself; false when the time is over. */
  waitForEnd(timeoutMs: number): Promise<boolean>
  /** SIGTERM, and SIGKILL later. From the first call on it is not started again. */
  stop(): Promise<void>
  /** It may end now without being started again. */
  letGo(): void
  kill(): void
  running(): ProcessIdentity | undefined
}

export function keepPart(
  part: Part,
  deps: {
    readonly log: PartLog
    readonly warn: (line: string) => void
    /** It ended with EXIT_HOPELESS after it had once answered. */
    readonly onHopeless: (reason: string) => void
    readonly onChange: () => void
  },
): PartKeeper {
  let spawned: SpawnedPart | undefined
  let identity: ProcessIdentity | undefined
  let stopping = false
  let started = false
  let endsInARow = 0
  let timer: NodeJS.Timeout | undefined
  let hopeless: string | undefined
  let ended: Promise<void> = Promise.resolve()
  let starting = false

  const lastWords = () => deps.log.tail().at(-1) ?? `${part.name} said nothing`
  // Several tries say the same.
  const whatItSaid = () => [...new Set(deps.log.tail().slice(-LOG_TAIL_SHOWN))].join('\n')

  async function spawnOnce(): Promise<void> {
    starting = true
    let settings: object
    try {
      settings = await part.settings()
    } catch (error) {
      starting = false
      onEnd(error instanceof Error ? error.message : String(error), 0)
      return
    }
    starting = false
    if (stopping && !wanted) return
    const beginMs = performance.now()
    const now = spawnPart(`apps/${part.name}/dist/main.js`, [], settings, {
      account: part.account,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(part.bindsLowPort === undefined ? {} : { bindsLowPort: part.bindsLowPort }),
    })
    spawned = now
    identity = now.process.pid === undefined ? undefined : identify(now.process.pid)
    deps.onChange()
    if (now.process.stdout !== null) deps.log.attach(now.process.stdout)
    if (now.process.stderr !== null) deps.log.attach(now.process.stderr)
    ended = new Promise((resolve) => {
      now.process.once('error', (error) => {
        onEnd(error.message, 0)
        resolve()
      })
      // close, not exit: its last words have arrived.
      now.process.once('close', (code, signal) => {
        if (spawned === now) {
          spawned = undefined
          identity = undefined
        }
        deps.onChange()
        if (code === EXIT_HOPELESS) hopeless = lastWords()
        onEnd(signal ?? `status ${code}`, performance.now() - beginMs)
        resolve()
      })
    })
  }
  let wanted = true

  function onEnd(how: string, ranMs: number): void {
    if (stopping || !wanted) return
    endsInARow = countEnd(endsInARow, ranMs)
    if (hopeless !== undefined) {
      if (started) deps.onHopeless(hopeless)
      return
    }
    if (!started && endsInARow >= START_ATTEMPTS_MAX) return
    const delay = restartDelayMs(endsInARow, Math.random())
    if (started) deps.warn(`${part.name} ended (${how}) and is started again in ${delay} ms`)
    timer = setTimeout(() => void spawnOnce(), delay)
  }

  return {
    name: part.name,
    async start() {
      void spawnOnce()
      const answer = await waitUntil(
        async () =>
          stopping ||
          hopeless !== undefined ||
          endsInARow >= START_ATTEMPTS_MAX ||
          (spawned !== undefined && (await part.isReady())),
        { timeoutMs: PART_READY_TIMEOUT_MS, pollMs: PART_POLL_MS },
      )
      if (stopping) return
      if (hopeless !== undefined) throw new PartFailed(hopeless)
      if (endsInARow >= START_ATTEMPTS_MAX) throw new PartFailed(`${part.name} does not start. It said:\n${whatItSaid()}`)
      if (answer === undefined) throw new PartFailed(`${part.name} does not answer. It said:\n${whatItSaid()}`)
      started = true
      endsInARow = 0
    },
    hasStarted: () => started,
    tell(command) {
      spawned?.lifeline.write(`${JSON.stringify(command)}\n`)
    },
    async ensureRunning() {
      if (spawned !== undefined || starting) {
        await waitUntil(() => spawned !== undefined, { timeoutMs: PART_STOP_TIMEOUT_MS, pollMs: PART_POLL_MS })
        return spawned !== undefined
      }
      clearTimeout(timer)
      await spawnOnce()
      return spawned !== undefined
    },
    async waitForEnd(timeoutMs) {
      return (await waitUntil(() => spawned === undefined, { timeoutMs, pollMs: PART_POLL_MS })) !== undefined
    },
    letGo() {
      wanted = false
      clearTimeout(timer)
    },
    async stop() {
      stopping = true
      wanted = false
      clearTimeout(timer)
      const now = spawned
      if (now === undefined) return
      now.process.kill('SIGTERM')
      const gone = await waitUntil(() => spawned !== now, { timeoutMs: PART_STOP_TIMEOUT_MS, pollMs: PART_POLL_MS })
      if (gone === undefined) {
        now.process.kill('SIGKILL')
        await waitUntil(() => spawned !== now, { timeoutMs: KILL_WAIT_MS, pollMs: PART_POLL_MS })
      }
      await ended
    },
    kill() {
      spawned?.process.kill('SIGKILL')
    },
    running: () => identity,
  }
}
