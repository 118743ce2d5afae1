import { errorChain } from '@berth/domain/app-error.js'
import { type Logger, pino } from 'pino'

export type { Logger }

/** JSON lines on stderr; whoever started us collects them. */
export function createLogger(): Logger {
  return pino(
    { base: { part: 'agent', pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  )
}

/** One function per thing that happens here, so that its name and fields are the same everywhere. */
export interface AgentEvents {
  starting(fields: { version: string; agentRun: bigint; bootId: string; cgroupMode: string }): void
  enrolled(nodeId: string): void
  connected(fields: { epoch: bigint; version: string }): void
  disconnected(fields: { why: string; retryMs: number }): void
  desiredAccepted(fields: { generation: bigint; processes: number }): void
  desiredRefused(fields: { generation: bigint; reason: string }): void
  processStarting(id: string, fields: { work: string; runAs: string }): void
  processRefused(id: string, fields: { reason: string; message: string }): void
  processStarted(id: string, fields: { pid: number }): void
  processReady(id: string, fields: { ms: number }): void
  processExited(
    id: string,
    fields: { code: number; reason: string; failingStep: string; message: string; inferred: boolean },
  ): void
  processAdopted(id: string, fields: { as: string }): void
  processStopping(id: string, fields: { reason: string }): void
  stepFailed(id: string, fields: { step: string; message: string }): void
  failed(what: string, error: unknown, fields?: object): void
  note(what: string, fields?: object): void
}

export function createAgentEvents(log: Logger): AgentEvents {
  const info = (what: string, fields: object = {}) => log.info(plain(fields), what)
  return {
    starting: (fields) => info('agent starts', fields),
    enrolled: (nodeId) => info('enrolled', { nodeId }),
    connected: (fields) => info('connected to the control plane', fields),
    disconnected: (fields) => log.warn(fields, 'not connected to the control plane'),
    desiredAccepted: (fields) => info('desired state accepted', fields),
    desiredRefused: (fields) => log.error(plain(fields), 'desired state refused'),
    processStarting: (id, fields) => info('process starting', { process: id, ...fields }),
    processRefused: (id, fields) => log.warn({ process: id, ...fields }, 'process refused'),
    processStarted: (id, fields) => info('process started', { process: id, ...fields }),
    processReady: (id, fields) => info('process ready', { process: id, ...fields }),
    processExited: (id, fields) => info('process exited', { process: id, ...fields }),
    processAdopted: (id, fields) => info('process adopted', { process: id, ...fields }),
    processStopping: (id, fields) => info('process stopping', { process: id, ...fields }),
    stepFailed: (id, fields) => log.warn({ process: id, ...fields }, 'step failed'),
    failed: (what, error, fields = {}) => log.error({ ...plain(fields), error: errorChain(error) }, what),
    note: info,
  }
}

function plain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]),
  )
}
