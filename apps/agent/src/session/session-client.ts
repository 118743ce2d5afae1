import { EventEmitter, once } from 'node:events'
import { assertNever } from '@berth/domain/assert.js'
import { AGENT_PROTOCOL } from '@berth/domain/versions.js'
import type { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import {
  type AgentMessage,
  AgentSessionServiceClient,
  type ControlMessage,
  type DesiredAnswer,
  type DesiredState,
  type EventsAck,
  type Goodbye,
  type Heartbeat,
  type Hello,
  type Welcome,
} from '@berth/protocol/gen/berth/agent/v1/session.js'
import { type ClientDuplexStream, Metadata, status } from '@grpc/grpc-js'
import type { AgentEvents } from '../events.js'
import { CONNECT_TIMEOUT_MS, HEARTBEAT_MS, RECONNECT_MS_MAX, SECRETS_BYTES_MAX, SECRETS_TIMEOUT_MS } from '../limits.js'
import { pause, reconnectDelayMs } from './backoff.js'
import type { Channel } from './channel.js'
import type { SendEvents } from './event-sender.js'

/*
 * The agent's end of the session: dials out, says Hello, keeps the stream until it breaks, and dials again.
 *
 * States: waiting (back-off) → connecting (Hello sent) → welcomed → waiting. Promises that handlers run only between Welcome and the
 * stream's end, in the order received. Leaves to others what a desired state means and which events there are.
 */

export interface SessionHandlers {
  /** Made anew for each attempt. */
  hello(): Promise<Hello>
  welcomed(welcome: Welcome, sendEvents: SendEvents): void
  desired(desired: DesiredState): Promise<DesiredAnswer>
  eventsAcked(ack: EventsAck): void
  heartbeat(): Heartbeat
  ended(): void
  /** The control plane does not know this host (any more). Returns whether it is worth trying again at once. */
  unknownNode(): Promise<boolean>
}

type Stream = ClientDuplexStream<AgentMessage, ControlMessage>
type Ending = { readonly why: string; readonly welcomed: boolean; readonly goodbye: string; readonly code: status }

export class SessionClient {
  readonly #channel: () => Channel
  readonly #handlers: SessionHandlers
  readonly #events: AgentEvents
  #client: AgentSessionServiceClient | undefined
  #isWelcomed = false
  readonly #welcome = new EventEmitter().setMaxListeners(0)
  #stream: Stream | undefined

  constructor(channel: () => Channel, handlers: SessionHandlers, events: AgentEvents) {
    this.#channel = channel
    this.#handlers = handlers
    this.#events = events
  }

  /** Until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.reconnect(), { once: true })
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const ending = await this.#session(signal).catch((error: unknown): Ending => {
        this.#events.failed('no session could be begun', error)
        return { why: 'see the error before', welcomed: false, goodbye: '', code: status.INTERNAL }
      })
      if (signal.aborted) return
      if (ending.welcomed) attempt = 0
      let retryMs = reconnectDelayMs(attempt, Math.random())
      if (isUnknownNode(ending) && (await this.#handlers.unknownNode())) retryMs = 0
      else if (ending.goodbye === 'superseded' || ending.goodbye === 'protocol' || isUnknownNode(ending))
        retryMs = RECONNECT_MS_MAX
      this.#events.disconnected({ why: ending.why, retryMs })
      await pause(retryMs, signal)
    }
  }

  /** Ends the present stream; `run` dials again, with the identity of that time. */
  reconnect(): void {
    this.#stream?.cancel()
  }

  /** Waits for a connection, then for the answer, SECRETS_TIMEOUT_MS each; rejects after that. The values are kept nowhere. */
  async fetchLaunchSecrets(processId: string, fence: bigint, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    if (!this.#isWelcomed)
      await once(this.#welcome, 'welcome', { signal: AbortSignal.any([signal, AbortSignal.timeout(SECRETS_TIMEOUT_MS)]) })
    const client = this.#client
    if (client === undefined) throw new Error('no connection to the control plane')
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + SECRETS_TIMEOUT_MS
      client.fetchLaunchSecrets({ processId, fence }, new Metadata(), { deadline }, (error, answer) => {
        if (error !== null) return reject(new Error('the control plane did not hand out the secrets', { cause: error }))
        const bytes = Object.entries(answer.env).reduce(
          (sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 2,
          0,
        )
        if (bytes > SECRETS_BYTES_MAX) return reject(new Error(`secrets of ${bytes} bytes; at most ${SECRETS_BYTES_MAX}`))
        return resolve(answer.env)
      })
    })
  }

  async #session(signal: AbortSignal): Promise<Ending> {
    const hello = await this.#handlers.hello()
    if (signal.aborted) return { why: 'stopping', welcomed: false, goodbye: '', code: status.CANCELLED }
    const channel = this.#channel()
    const client = new AgentSessionServiceClient(channel.target, channel.credentials, channel.options)
    this.#client = client
    const stream: Stream = client.connect()
    this.#stream = stream
    let heartbeat: NodeJS.Timeout | undefined
    let welcomed = false
    let goodbye = ''
    const unanswered = setTimeout(() => stream.cancel(), CONNECT_TIMEOUT_MS)
    const ending = new Promise<{ why: string; code: status }>((resolve) => {
      stream.on('error', (error: Error & { code?: status }) =>
        resolve({ why: error.message, code: error.code ?? status.UNKNOWN }),
      )
      stream.on('end', () =>
        resolve({ why: goodbye === '' ? 'the control plane ended the stream' : `goodbye: ${goodbye}`, code: status.OK }),
      )
    })
    // One after the other: an answer to a desired state is not overtaken by the next one.
    let handling: Promise<void> = Promise.resolve()
    stream.on('data', (message: ControlMessage) => {
      handling = handling
        .then(async () => {
          if (this.#stream !== stream) return
          const { message: said } = message
          switch (said?.$case) {
            case 'welcome':
              clearTimeout(unanswered)
              if (welcomed || !isSpoken(said.value)) return stream.cancel()
              welcomed = true
              this.#isWelcomed = true
              this.#welcome.emit('welcome')
              this.#events.connected({ epoch: said.value.streamEpoch, version: said.value.version })
              heartbeat = setInterval(
                () => void write(stream, { $case: 'heartbeat', value: this.#handlers.heartbeat() }).catch(() => undefined),
                HEARTBEAT_MS,
              )
              this.#handlers.welcomed(said.value, (events) => this.#sendEvents(stream, events))
              return
            case 'desired':
              if (!welcomed) return stream.cancel()
              await write(stream, { $case: 'desired', value: await this.#handlers.desired(said.value) })
              return
            case 'eventsAck':
              if (welcomed) this.#handlers.eventsAcked(said.value)
              return
            case 'goodbye':
              goodbye = reasonOf(said.value)
              stream.cancel()
              return
            case undefined:
              return // from a newer control plane
            default:
              assertNever(said)
          }
        })
        .catch((error: unknown) => {
          this.#events.failed('message of the control plane could not be handled', error)
          stream.cancel()
        })
    })
    write(stream, { $case: 'hello', value: hello }).catch(() => stream.cancel())
    try {
      return { ...(await ending), welcomed, goodbye }
    } finally {
      clearTimeout(unanswered)
      clearInterval(heartbeat)
      this.#stream = undefined
      this.#client = undefined
      this.#isWelcomed = false
      if (welcomed) this.#handlers.ended()
      client.close()
    }
  }

  #sendEvents(stream: Stream, events: readonly LifecycleEvent[]): Promise<void> {
    return write(stream, { $case: 'events', value: { events } })
  }
}

/** Resolves when there is room for the next message; rejects when the stream is gone. */
async function write(stream: Stream, message: NonNullable<AgentMessage['message']>): Promise<void> {
  if (stream.destroyed || !stream.writable) throw new Error('the stream is gone')
  if (stream.write({ message })) return
  await new Promise<void>((resolve, reject) => {
    const done = (outcome: () => void) => () => {
      stream.removeListener('drain', onDrain)
      stream.removeListener('close', onClose)
      stream.removeListener('error', onClose)
      outcome()
    }
    const onDrain = done(resolve)
    const onClose = done(() => reject(new Error('the stream is gone')))
    stream.once('drain', onDrain)
    stream.once('close', onClose)
    stream.once('error', onClose)
  })
}

function isSpoken(welcome: Welcome): boolean {
  return welcome.protocol >= AGENT_PROTOCOL.min && welcome.protocol <= AGENT_PROTOCOL.max
}

function isUnknownNode(ending: Ending): boolean {
  return ending.goodbye === 'unknown_node' || ending.code === status.UNAUTHENTICATED || ending.code === status.PERMISSION_DENIED
}

function reasonOf(goodbye: Goodbye): string {
  return goodbye.reason === '' ? 'no reason given' : goodbye.reason
}
