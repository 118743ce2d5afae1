import type { ChildProcess } from 'node:child_process'
import type { ProcessIdentity } from '../host/process-identity.js'

/** Postgres or Redis of our own. They live on when `berth up` is killed, and the next start takes them over. */
export interface PrivateServer {
  readonly name: 'postgres' | 'redis'
  /** One that runs already, of this data directory and answering; undefined when there is none. */
  findRunning(): Promise<ProcessIdentity | undefined>
  /** Before the first start: makes the data directory's contents. Returns a note when it did something. */
  prepare(): Promise<string | undefined>
  /** Starts it in a session of its own: Ctrl-C at us does not reach it. */
  start(): ChildProcess
  isReady(): Promise<boolean>
  /** Signal of its orderly, quick end, and that of a hurried one. */
  readonly stopSignals: readonly [NodeJS.Signals, NodeJS.Signals]
  /** Where it says why it does not start. */
  startLog(): string
  removeSockets(): void
}
