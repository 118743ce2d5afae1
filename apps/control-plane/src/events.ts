// Changes of rows, rung by NOTIFY between control planes and directly within this one.
// A ring carries no state: whoever hears it reads the rows. A lost ring is made good by reading again after a reconnect.
import { errorChain } from '@berth/domain/app-error.js'
import { CHANGE_FEED_PING_MS } from './limits.js'
import type { Sql } from './platform/postgres.js'
import type { Log } from './telemetry.js'

export const CHANGE_CHANNELS = ['process_changed', 'node_changed', 'routes_changed', 'task_changed', 'log_appended'] as const
export type ChangeChannel = (typeof CHANGE_CHANNELS)[number]

/** Channels that other control planes hear too; log_appended is too frequent for that. */
const NOTIFIED = ['process_changed', 'node_changed', 'routes_changed', 'task_changed'] as const satisfies readonly ChangeChannel[]

const PING_CHANNEL = 'change_feed_ping'

export interface ChangeFeed {
  /** Listens; after a lost connection again by itself, and then rings resync. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Rings here at once, after a commit of ours; the NOTIFY of the same change comes later and does no harm. */
  ring(channel: ChangeChannel, id?: string): void
  /** id: only this row's rings; undefined = all. Returns the way to stop. */
  on(channel: ChangeChannel, id: string | undefined, listener: (id: string) => void): () => void
  /** Rings may have been missed: read everything again. */
  onResync(listener: () => void): () => void
}

/** open: a fresh pool of one connection, used for nothing else. */
export function createChangeFeed(open: () => Sql, log: Log): ChangeFeed {
  const listeners = new Map<string, Set<(id: string) => void>>()
  const resyncListeners = new Set<() => void>()
  let current: { readonly sql: Sql; heard: number; sent: number } | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const call = (listener: () => void): void => {
    try {
      listener()
    } catch (error) {
      log.error({ error: errorChain(error) }, 'a listener for changes failed')
    }
  }
  const ring = (channel: ChangeChannel, id = ''): void => {
    for (const listener of [...(listeners.get(channel) ?? [])]) call(() => listener(id))
    if (id !== '') for (const listener of [...(listeners.get(`${channel} ${id}`) ?? [])]) call(() => listener(id))
  }

  const connect = async (): Promise<void> => {
    const sql = open()
    const link = { sql, heard: 0, sent: 0 }
    try {
      for (const channel of NOTIFIED) await sql.listen(channel, (payload) => ring(channel, payload))
      await sql.listen(PING_CHANNEL, () => {
        link.heard = link.sent
      })
    } catch (error) {
      void sql.end({ timeout: 0 }).catch(() => {})
      throw error
    }
    current = link
  }

  // The driver may lose a LISTEN for good while the server is away. So the line is tried with a ring of our own, and replaced.
  const tick = async (): Promise<void> => {
    try {
      if (current !== undefined && current.heard !== current.sent) {
        const { sql } = current
        current = undefined
        void sql.end({ timeout: 0 }).catch(() => {})
      }
      if (current === undefined) {
        await connect()
        log.info('listening for changes again')
        for (const listener of [...resyncListeners]) call(listener)
      }
      if (current === undefined) return
      current.sent += 1
      await current.sql.notify(PING_CHANNEL, '')
    } catch (error) {
      log.warn({ error: errorChain(error) }, 'cannot listen for changes: the database is away')
    } finally {
      if (!stopped) timer = setTimeout(() => void tick(), CHANGE_FEED_PING_MS)
    }
  }

  return {
    async start() {
      await connect()
      timer = setTimeout(() => void tick(), CHANGE_FEED_PING_MS)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await current?.sql.end({ timeout: 1 }).catch(() => {})
    },
    ring,
    on(channel, id, listener) {
      const key = id === undefined ? channel : `${channel} ${id}`
      const set = listeners.get(key) ?? new Set()
      listeners.set(key, set)
      set.add(listener)
      return () => {
        set.delete(listener)
        if (set.size === 0 && listeners.get(key) === set) listeners.delete(key)
      }
    },
    onResync(listener) {
      resyncListeners.add(listener)
      return () => resyncListeners.delete(listener)
    },
  }
}
