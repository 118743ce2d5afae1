// Nodes' streams: who is connected, what each was sent last, and the acknowledgement of what it reports.
// Owns: epochs, desired states on their way down, events on their way up. Promises: a superseded stream writes nothing;
// every change of a set is sent, at once when it is the first, together within DESIRED_COALESCE_MS after it; acknowledgements
// follow the commit. Leaves to others: what should run (processes, routing), the wire (grpc/).
import { errorChain } from '@berth/domain/app-error.js'
import { type AgentMessage, ControlMessage, type Heartbeat, type Hello } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { ChangeFeed } from '../events.js'
import { DESIRED_COALESCE_MS, EVENTS_BATCH_MAX } from '../limits.js'
import type { Sql } from '../platform/postgres.js'
import { type IngestDeps, ingestLifecycleEvents } from '../processes/ingest-lifecycle-events.js'
import type { Log, Metrics } from '../telemetry.js'
import { acceptHello } from './accept-hello.js'
import { type Coalescer, createCoalescer } from './coalescer.js'
import { readDesiredState } from './desired-state.js'

/** Reason of an agent that was told to end all content. */
const STOPPING = 'stopping'

export type GoodbyeReason = 'superseded' | 'shutting_down' | 'unknown_node' | 'protocol'

/** The stream's other end as the wire adapter gives it. */
export interface AgentLink {
  send(message: ControlMessage): void
  /** Says why and ends the stream. */
  goodbye(reason: GoodbyeReason): void
}

export interface AgentSession {
  /** Never runs twice at once: the adapter reads one message at a time, which is what bounds the queue. */
  receive(message: AgentMessage): Promise<void>
  closed(): void
}

export interface SessionHub {
  /** undefined: refused, and the link has been told. */
  open(nodeId: string, hello: Hello, link: AgentLink): Promise<AgentSession | undefined>
  /** Nodes with a stream to this control plane, and the processes that their last heartbeat named. */
  seen(): { readonly nodeIds: readonly string[]; readonly processIds: readonly string[] }
  start(): void
  /** Goodbye to all. */
  stop(): void
}

interface Session {
  readonly nodeId: string
  readonly epoch: bigint
  readonly link: AgentLink
  readonly sender: Coalescer
  sentGeneration: bigint
  running: readonly string[]
}

export interface SessionHubDeps extends IngestDeps {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly log: Log
  readonly metrics: Metrics
}

export function createSessionHub(deps: SessionHubDeps): SessionHub {
  const { sql, feed, log, metrics } = deps
  const sessions = new Map<string, Session>()
  const unsubscribe: (() => void)[] = []
  let stopping = false

  const end = (session: Session, reason?: GoodbyeReason): void => {
    session.sender.stop()
    if (sessions.get(session.nodeId) === session) {
      sessions.delete(session.nodeId)
      metrics.nodesConnected.set(sessions.size)
    }
    if (reason !== undefined) session.link.goodbye(reason)
  }

  const sendDesired = async (session: Session): Promise<void> => {
    const desired = await readDesiredState(sql, session.nodeId)
    if (sessions.get(session.nodeId) !== session) return
    if (desired === undefined) return end(session, 'unknown_node')
    if (desired.generation === session.sentGeneration) return
    session.sentGeneration = desired.generation
    session.link.send(ControlMessage.fromPartial({ message: { $case: 'desired', value: desired } }))
    metrics.desiredSent.inc()
  }

  const receiveEvents = async (session: Session, events: Parameters<typeof ingestLifecycleEvents>[2]): Promise<void> => {
    for (let from = 0; from < events.length; from += EVENTS_BATCH_MAX) {
      const result = await ingestLifecycleEvents(deps, session, events.slice(from, from + EVENTS_BATCH_MAX))
      if (result.kind === 'stale') {
        metrics.streamsSuperseded.inc()
        return end(session, 'superseded')
      }
      session.link.send(
        ControlMessage.fromPartial({
          message: { $case: 'eventsAck', value: { stored: [...result.stored], resend: [...result.resend] } },
        }),
      )
      for (const id of result.changed) feed.ring('process_changed', id)
      if (result.routesChanged) feed.ring('routes_changed')
      if (result.setChanged) feed.ring('node_changed', session.nodeId)
      for (const observation of result.observations) metrics.eventsStored.inc({ event: observation })
      if (result.ignored > 0) metrics.eventsIgnored.inc({ why: 'duplicate_or_unknown' }, result.ignored)
      if (result.resend.length > 0) metrics.eventGaps.inc(result.resend.length)
      for (const why of result.impossible) {
        metrics.eventsIgnored.inc({ why: 'impossible' })
        log.error(
          { node: session.nodeId, event: why },
          'an agent reported what cannot follow: stored, but the phase did not move',
        )
      }
    }
  }

  const receiveAnswer = async (session: Session, generation: bigint, accepted: boolean, reason: string): Promise<void> => {
    if (accepted) {
      await sql`update nodes set applied_generation = greatest(applied_generation, ${generation}) where id = ${session.nodeId} and stream_epoch = ${session.epoch}`
      return
    }
    const facts = { node: session.nodeId, generation: generation.toString(), reason }
    // One that ends all content takes no new work; whatever else it refuses is a fault.
    if (reason === STOPPING) {
      log.info(facts, 'the agent is stopping and takes no new state')
      return
    }
    metrics.desiredRefused.inc()
    log.error(facts, 'the agent refused its desired state')
  }

  return {
    async open(nodeId, hello, link) {
      if (stopping) {
        link.goodbye('shutting_down')
        return undefined
      }
      const answer = await acceptHello(sql, nodeId, hello)
      if (answer.kind !== 'welcome') {
        log.warn({ node: nodeId, reason: answer.kind === 'protocol' ? answer.message : answer.kind }, 'an agent was refused')
        link.goodbye(answer.kind)
        return undefined
      }
      const older = sessions.get(nodeId)
      if (older !== undefined && older.epoch > answer.epoch) {
        link.goodbye('superseded')
        return undefined
      }
      if (older !== undefined) {
        metrics.streamsSuperseded.inc()
        end(older, 'superseded')
      }
      const session: Session = {
        nodeId,
        epoch: answer.epoch,
        link,
        sentGeneration: -1n,
        running: [],
        sender: createCoalescer(DESIRED_COALESCE_MS, async () => {
          await sendDesired(session).catch((error: unknown) => {
            log.warn({ node: nodeId, error: errorChain(error) }, 'the desired state could not be read; tried again')
            setTimeout(() => session.sender.trigger(), DESIRED_COALESCE_MS * 10).unref()
          })
        }),
      }
      sessions.set(nodeId, session)
      metrics.nodesConnected.set(sessions.size)
      log.info(
        { node: nodeId, hostname: hello.hostname, version: hello.version, epoch: answer.epoch.toString() },
        'an agent is connected',
      )
      link.send(ControlMessage.fromPartial({ message: { $case: 'welcome', value: answer.welcome } }))
      for (const id of answer.lost) {
        log.error({ node: nodeId, process: id }, 'the agent has lost a process that it had accepted')
        feed.ring('process_changed', id)
      }
      session.sender.trigger()
      return {
        async receive(message) {
          if (sessions.get(nodeId) !== session) return
          const body = message.message
          switch (body?.$case) {
            case 'events':
              return receiveEvents(session, body.value.events)
            case 'desired':
              return receiveAnswer(session, body.value.generation, body.value.accepted, body.value.reason)
            case 'heartbeat':
              session.running = (body.value satisfies Heartbeat).running
              return
            default:
              log.warn({ node: nodeId, message: body?.$case ?? 'unknown' }, 'a message out of place was ignored')
          }
        },
        closed() {
          if (sessions.get(nodeId) === session) log.info({ node: nodeId }, 'an agent disconnected')
          end(session)
        },
      }
    },
    seen() {
      return { nodeIds: [...sessions.keys()], processIds: [...sessions.values()].flatMap((session) => session.running) }
    },
    start() {
      unsubscribe.push(
        feed.on('node_changed', undefined, (id) => sessions.get(id)?.sender.trigger()),
        feed.onResync(() => {
          for (const session of sessions.values()) session.sender.trigger()
        }),
      )
    },
    stop() {
      stopping = true
      for (const off of unsubscribe.splice(0)) off()
      for (const session of [...sessions.values()]) end(session, 'shutting_down')
    },
  }
}
