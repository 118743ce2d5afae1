import { watch } from 'node:fs'
import { link, lstat, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pidsIn } from '../host/cgroups.js'
import { listenersOf } from '../host/listeners.js'
import { LISTEN_RETRY_MS_MAX, LISTEN_RETRY_MS_MIN } from '../limits.js'
import { DONE, failed, need, nothingToUndo, type RunContext, type Step, type StepOutcome } from './step.js'

/**
 * Waits until the content accepts connections on the socket it was given: inotify tells when the name appears, then it is linked into
 * our own directory, looked at there, where nobody can swap it, and connected to. The process's end and its init timeout end
 * the wait. What is linked is what claim-socket claims.
 */
export function waitReady(): Step {
  return {
    name: 'wait-ready',
    async start(run, signal) {
      if (run.spec.work?.$case !== 'serve') return DONE
      const { initTimeoutMs } = run.spec.work.value
      const ending = new AbortController()
      const monitor = need(run, 'monitor')
      const timeout = initTimeoutMs === 0 ? undefined : setTimeout(() => ending.abort('timeout'), initTimeoutMs)
      void monitor.ended.then(() => ending.abort('ended'))
      const stopped = AbortSignal.any([signal, ending.signal])
      try {
        const outcome = await becomeReachable(run, stopped)
        if (outcome !== 'stopped') return outcome
        if (ending.signal.reason === 'timeout') return failed(await describeTimeout(run, initTimeoutMs), 'init_timeout')
        return failed('it ended before it listened on its socket')
      } finally {
        clearTimeout(timeout)
      }
    },
    undo: nothingToUndo,
  }
}

async function becomeReachable(run: RunContext, stopped: AbortSignal): Promise<StepOutcome | 'stopped'> {
  const bell = new DoorBell(run.paths.socketDir, stopped)
  try {
    for (let retryMs = LISTEN_RETRY_MS_MIN; !stopped.aborted; ) {
      const state = await look(run)
      if (state.kind === 'listening') return DONE
      if (state.kind === 'wrong') return failed(state.message)
      if (state.kind === 'absent') {
        await bell.rung()
        retryMs = LISTEN_RETRY_MS_MIN
      } else {
        // Between bind(2) and listen(2), or left behind by a process of the content that is gone: no event tells.
        await Promise.race([sleep(retryMs, undefined, { signal: stopped }).catch(() => undefined), bell.rung()])
        retryMs = Math.min(retryMs * 2, LISTEN_RETRY_MS_MAX)
      }
    }
    return 'stopped'
  } finally {
    bell.close()
  }
}

type Look = { readonly kind: 'absent' | 'bound' | 'listening' } | { readonly kind: 'wrong'; readonly message: string }

async function look(run: RunContext): Promise<Look> {
  const { socket, claiming, claimed } = run.paths
  // After a restart of the agent: a socket that was being claimed is root's already.
  const ours = await Promise.all([inodeOf(claiming), inodeOf(claimed)])
  await unlink(claiming).catch(ignoreAbsent)
  try {
    await link(socket, claiming) // link(2) follows no symbolic link at the end; the directory before it is root's to name
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'absent' }
    throw error
  }
  const found = await lstat(claiming)
  if (!found.isSocket()) return { kind: 'wrong', message: 'where its socket should be it made something else' }
  if (found.uid !== need(run, 'user').uid && !ours.includes(found.ino))
    return { kind: 'wrong', message: 'its socket belongs to another account' }
  return { kind: (await accepts(claiming)) ? 'listening' : 'bound' }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await lstat(path).catch(() => undefined))?.ino
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection({ path })
    connection.on('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', () => resolve(false))
  })
}

/** Rings when something happened in the directory since the last time it was asked. */
class DoorBell {
  readonly #watcher
  #rang = false
  #ring: () => void = () => undefined

  constructor(dir: string, stopped: AbortSignal) {
    const ring = () => {
      this.#rang = true
      this.#ring()
    }
    this.#watcher = watch(dir, { persistent: false }, ring)
    this.#watcher.on('error', ring)
    stopped.addEventListener('abort', ring, { once: true })
  }

  async rung(): Promise<void> {
    if (!this.#rang) {
      await new Promise<void>((resolve) => {
        this.#ring = resolve
      })
    }
    this.#rang = false
  }

  close(): void {
    this.#watcher.close()
  }
}

async function describeTimeout(run: RunContext, initTimeoutMs: number): Promise<string> {
  const started = run.dir.find('started')
  const inLeaves = await pidsIn(run.dir.record.cgroups)
  const pids = inLeaves.length > 0 || started === undefined ? inLeaves : [started.hostPid]
  const addresses = (await listenersOf(pids)).filter((address) => !address.endsWith('/run/s'))
  const seconds = initTimeoutMs / 1000
  if (addresses.length === 0) return `it did not listen on the socket it was given within ${seconds} s, nor anywhere else`
  return `it listens on ${addresses.join(', ')}, not on the socket it was given, and so was not ready within ${seconds} s`
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
