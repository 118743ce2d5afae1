// Keeps one private server running: takes over the one that lives, starts it otherwise, starts it again when it ends.
import { AppError } from '@berth/domain/app-error.js'
import { identify, isSame, type ProcessIdentity, signalProcess } from '../host/process-identity.js'
import { ADOPTED_POLL_MS, SERVER_POLL_MS, SERVER_READY_TIMEOUT_MS, SERVER_STOP_TIMEOUT_MS } from '../limits.js'
import { countEnd, restartDelayMs } from '../parts/restart-policy.js'
import { waitUntil } from '../wait-until.js'
import type { PrivateServer } from './private-server.js'

export interface ServerKeeper {
  /** Resolves when the server answers. Note: how it came to run. */
  start(): Promise<string>
  /** Ends it orderly and removes its sockets. */
  stop(): Promise<void>
}

export function keepServer(server: PrivateServer, warn: (line: string) => void): ServerKeeper {
  let running: ProcessIdentity | undefined
  let stopping = false
  let endsInARow = 0
  let timer: NodeJS.Timeout | undefined

  const ready = () => server.isReady()

  async function startOnce(): Promise<void> {
    const child = server.start()
    const failed = new Promise<Error>((resolve) => child.once('error', resolve))
    const ended = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(`${signal ?? `status ${code}`}`)))
    const startedAt = performance.now()
    if (child.pid === undefined) throw new AppError('internal', `${server.name} cannot be started`, { cause: await failed })
    running = identify(child.pid)
    child.unref()
    void ended.then((how) => onEnd(how, performance.now() - startedAt))
    const gone = new AbortController()
    let how = ''
    void ended.then((said) => {
      how = said
      gone.abort()
    })
    const answer = await waitUntil(async () => gone.signal.aborted || (await ready()), {
      timeoutMs: SERVER_READY_TIMEOUT_MS,
      pollMs: SERVER_POLL_MS,
    })
    if (gone.signal.aborted) throw new AppError('internal', `${server.name} ended at its start (${how}): ${server.startLog()}`)
    if (answer === undefined) throw new AppError('internal', `${server.name} does not answer: ${server.startLog()}`)
  }

  function onEnd(how: string, ranMs: number): void {
    running = undefined
    if (stopping) return
    endsInARow = countEnd(endsInARow, ranMs)
    const delay = restartDelayMs(endsInARow, Math.random())
    warn(`${server.name} ended (${how}) and is started again in ${delay} ms`)
    timer = setTimeout(() => {
      if (stopping) return
      // A failed start is an end too: onEnd has planned the next one already.
      startOnce().catch((error: unknown) => warn(error instanceof Error ? error.message : String(error)))
    }, delay)
  }

  function watch(adopted: ProcessIdentity): void {
    const startedAt = performance.now()
    const poll = setInterval(() => {
      if (stopping || isSame(adopted)) return
      clearInterval(poll)
      onEnd('it is gone', performance.now() - startedAt)
    }, ADOPTED_POLL_MS)
    poll.unref()
  }

  return {
    async start() {
      const found = await server.findRunning()
      if (found !== undefined) {
        const usable = await waitUntil(ready, { timeoutMs: SERVER_READY_TIMEOUT_MS / 6, pollMs: SERVER_POLL_MS })
        if (usable !== undefined) {
          running = found
          watch(found)
          return `took over the one that runs, pid ${found.pid}`
        }
        // It serves another socket directory, or none: two on one data directory would destroy it.
        await end(server, found)
      }
      const made = await server.prepare()
      await startOnce()
      return made ?? 'started'
    },

    async stop() {
      stopping = true
      clearTimeout(timer)
      const target = running ?? (await server.findRunning())
      if (target !== undefined) await end(server, target)
      server.removeSockets()
    },
  }
}

async function end(server: PrivateServer, target: ProcessIdentity): Promise<void> {
  for (const signal of server.stopSignals) {
    signalProcess(target, signal)
    const gone = await waitUntil(() => !isSame(target), { timeoutMs: SERVER_STOP_TIMEOUT_MS, pollMs: SERVER_POLL_MS })
    if (gone !== undefined) return
  }
  throw new AppError('internal', `${server.name} (pid ${target.pid}) does not end`)
}
