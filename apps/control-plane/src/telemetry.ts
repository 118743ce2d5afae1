// Log lines and metrics of this program. Lines go to stderr as JSON; metrics are served by the HTTP side.
import { type Logger, pino } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>

export function createLog(part: string): Logger {
  return pino({ base: { part }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }))
}

export interface Metrics {
  readonly registry: Registry
  readonly eventsStored: Counter<'event'>
  readonly eventsIgnored: Counter<'why'>
  readonly eventGaps: Counter
  readonly desiredSent: Counter
  readonly desiredRefused: Counter
  readonly streamsSuperseded: Counter
  readonly nodesConnected: Gauge
  readonly acquireSeconds: Histogram<'outcome'>
  readonly acquireWaiting: Gauge
  readonly deployments: Counter<'outcome'>
  readonly logBytesStored: Counter
  readonly logBytesDropped: Counter
}

/** A registry of its own, so that two control planes in one test do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  return {
    registry,
    eventsStored: counter('berth_process_events_stored_total', 'Lifecycle events committed', ['event']),
    eventsIgnored: counter('berth_process_events_ignored_total', 'Lifecycle events that changed nothing', ['why']),
    eventGaps: counter('berth_process_event_gaps_total', 'Times an agent was asked to send events again'),
    desiredSent: counter('berth_desired_states_sent_total', 'Complete sets sent to nodes'),
    desiredRefused: counter('berth_desired_states_refused_total', 'Sets that an agent refused: must stay 0'),
    streamsSuperseded: counter('berth_agent_streams_superseded_total', 'Agent streams ended because a newer one came'),
    nodesConnected: gauge('berth_nodes_connected', 'Agents with a stream to this control plane'),
    acquireSeconds: new Histogram({
      name: 'berth_acquire_seconds',
      help: 'From the request for a process to its answer',
      labelNames: ['outcome'],
      buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120],
      registers,
    }),
    acquireWaiting: gauge('berth_acquire_waiting', 'Visitors that wait for a process'),
    deployments: counter('berth_deployments_total', 'Deployments ended', ['outcome']),
    logBytesStored: counter('berth_process_log_bytes_stored_total', 'Bytes of output committed'),
    logBytesDropped: counter('berth_process_log_bytes_dropped_total', 'Bytes of output dropped at a limit'),
  }
}
