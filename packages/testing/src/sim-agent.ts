// An agent without a host: speaks the real protocol over real mutual TLS and runs nothing. A test says what "happens" to each process,
// and can make it misbehave: send twice, out of order, with a hole, or fall silent.
import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { desiredDigest } from '@berth/protocol/desired-digest.js'
import { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { type LogAck, LogBatch, LogServiceClient, LogStream } from '@berth/protocol/gen/berth/agent/v1/log.js'
import {
  AgentMessage,
  AgentSessionServiceClient,
  type ControlMessage,
  type DesiredState,
  type EventsAck,
  HostFacts,
  type Welcome,
} from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { CONTROL_PLANE_SERVER_NAME, parseJoinToken } from '@berth/protocol/join-token.js'
import { type ClientDuplexStream, credentials } from '@grpc/grpc-js'

const run = promisify(execFile)

export interface SimIdentity {
  readonly nodeId: string
  readonly key: string
  readonly certificate: string
  readonly ca: string
}

/** What happens to a process that the control plane asks for; called once per process. */
export type SimScript = (spec: ProcessSpec, process: SimProcess) => void | Promise<void>

export interface SimProcess {
  accepted(): void
  started(): void
  ready(socketPath?: string): void
  exited(code?: number, more?: { readonly reason?: string; readonly failingStep?: string; readonly message?: string }): void
  refused(reason: string, message: string): void
  finalized(): void
  log(text: string, stream?: 'stdout' | 'stderr'): Promise<void>
  /** Numbers the event without sending it. */
  number(event: NonNullable<LifecycleEvent['event']>): LifecycleEvent
  /** The newest spec of it. */
  readonly spec: ProcessSpec
  /** Resolves when a desired set says so, or no longer names it. */
  stopWanted(): Promise<void>
}

export const DEFAULT_FACTS = HostFacts.fromPartial({
  cpuCount: 2,
  memoryBytes: 4n << 30n,
  kernel: '6.1',
  distribution: 'debian 12',
  cgroupMode: 'v2',
  pythons: [{ version: '3.11.2', executable: '/usr/bin/python3' }],
  rs: [{ version: '4.2.2', executable: '/usr/bin/R', packages: { shiny: '1.7.4' } }],
})

/** Enrols as a new host does: authority, fingerprint, request, certificate. */
export async function enrollSimAgent(port: number, token: string): Promise<SimIdentity> {
  const { secret, authoritySha256 } = parseJoinToken(token)
  const ca = (await https(port, { method: 'GET', path: '/ca', rejectUnauthorized: false })).text
  const fingerprint = createHash('sha256').update(new X509Certificate(ca).raw).digest('hex')
  if (fingerprint !== authoritySha256) throw new Error('the authority is not the one of the token')
  const { key, csr } = await makeRequest()
  const answer = await https(port, {
    method: 'POST',
    path: '/enroll',
    ca,
    body: { token: secret, csr, hostname: 'sim', name: 'sim' },
  })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  const body = JSON.parse(answer.text) as { node_id: string; certificate: string }
  return { nodeId: body.node_id, key, certificate: body.certificate, ca }
}

export async function makeRequest(): Promise<{ key: string; csr: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-csr-'))
  try {
    const args = ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=agent']
    await run('openssl', [...args, '-keyout', join(dir, 'key'), '-out', join(dir, 'csr')])
    return { key: await readFile(join(dir, 'key'), 'utf8'), csr: await readFile(join(dir, 'csr'), 'utf8') }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

export interface HttpsAsk {
  readonly method: string
  readonly path: string
  readonly ca?: string
  readonly identity?: SimIdentity
  readonly rejectUnauthorized?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** One request to the cluster listener's file half. */
export async function https(
  port: number,
  ask: HttpsAsk,
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method: ask.method,
        path: ask.path,
        servername: CONTROL_PLANE_SERVER_NAME,
        ALPNProtocols: ['http/1.1'],
        agent: false,
        headers: { ...ask.headers },
        ...(ask.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: ask.rejectUnauthorized }),
        ...(ask.ca === undefined ? {} : { ca: ask.ca }),
        ...(ask.identity === undefined ? {} : { ca: ask.identity.ca, key: ask.identity.key, cert: ask.identity.certificate }),
      } as RequestOptions,
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }))
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(ask.body === undefined ? undefined : JSON.stringify(ask.body))
  })
}

interface Known {
  spec: ProcessSpec
  wanted: boolean
  readonly events: LifecycleEvent[]
  readonly stopListeners: Set<() => void>
  readonly offsets: { stdout: bigint; stderr: bigint }
}

export class SimAgent {
  readonly identity: SimIdentity
  readonly welcomes: Welcome[] = []
  readonly desired: DesiredState[] = []
  readonly acks: EventsAck[] = []
  readonly goodbyes: string[] = []
  readonly logAcks: LogAck[] = []
  /** false: takes everything in and says nothing, as behind a one-way partition. */
  talks = true
  readonly #port: number
  readonly #script: SimScript
  readonly #facts: HostFacts
  readonly #known = new Map<string, Known>()
  #client: AgentSessionServiceClient | undefined
  #logClient: LogServiceClient | undefined
  #logStream: ClientDuplexStream<LogBatch, LogAck> | undefined
  #stream: ClientDuplexStream<AgentMessage, ControlMessage> | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #run = 0n
  ended = false

  constructor(options: {
    readonly port: number
    readonly identity: SimIdentity
    readonly script?: SimScript
    readonly facts?: HostFacts
  }) {
    this.#port = options.port
    this.identity = options.identity
    this.#script = options.script ?? (() => {})
    this.#facts = options.facts ?? DEFAULT_FACTS
  }

  /** Connects and says Hello with what it knows, as after a restart when it knew something. */
  connect(
    hello: { readonly ledgerGeneration?: bigint; readonly ledgerDigest?: Uint8Array; readonly forget?: boolean } = {},
  ): void {
    const { key, certificate, ca } = this.identity
    const secure = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate))
    const options = { 'grpc.ssl_target_name_override': CONTROL_PLANE_SERVER_NAME, 'grpc.use_local_subchannel_pool': 1 }
    this.#client = new AgentSessionServiceClient(`127.0.0.1:${this.#port}`, secure, options)
    this.#logClient = new LogServiceClient(`127.0.0.1:${this.#port}`, secure, options)
    this.#logStream = undefined
    this.ended = false
    this.#run += 1n
    const stream = this.#client.connect()
    this.#stream = stream
    stream.on('data', (message: ControlMessage) => this.#receive(message))
    // The end of an older stream says nothing about this one.
    const over = (): void => {
      if (this.#stream === stream) this.ended = true
    }
    stream.on('error', over)
    stream.on('end', over)
    const last = this.desired.at(-1)
    this.send({
      $case: 'hello',
      value: {
        protocolMin: 1,
        protocolMax: 1,
        version: 'sim',
        bootId: 'boot',
        agentRun: this.#run,
        hostname: 'sim',
        ledgerGeneration: hello.ledgerGeneration ?? last?.generation ?? 0n,
        ledgerDigest: Buffer.from(hello.ledgerDigest ?? last?.digest ?? new Uint8Array()),
        facts: this.#facts,
        processes:
          hello.forget === true
            ? []
            : [...this.#known]
                .filter(([, one]) => one.events.length > 0)
                .map(([processId, one]) => ({ processId, lastSeq: one.events.length })),
      },
    })
    this.#heartbeat = setInterval(
      () => this.send({ $case: 'heartbeat', value: { boottimeMs: 1n, running: [...this.#known.keys()] } }),
      1_000,
    )
  }

  /** Drops the connection without a word. */
  disconnect(): void {
    clearInterval(this.#heartbeat)
    this.#stream?.cancel()
    this.#client?.close()
    this.#logClient?.close()
    this.ended = true
  }

  send(message: NonNullable<AgentMessage['message']>): void {
    if (this.talks && !this.ended) this.#stream?.write(AgentMessage.fromPartial({ message }))
  }

  sendEvents(...events: readonly LifecycleEvent[]): void {
    this.send({ $case: 'events', value: { events: [...events] } })
  }

  /** Everything that it has numbered of a process. */
  eventsOf(processId: string): readonly LifecycleEvent[] {
    return this.#known.get(processId)?.events ?? []
  }

  secrets(processId: string, fence: bigint): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      this.#client?.fetchLaunchSecrets({ processId, fence }, (error, answer) =>
        error === null ? resolve({ ...answer.env }) : reject(error),
      )
    })
  }

  /** Pushes chunks as they are given and resolves with the next acknowledgement. */
  pushLog(chunks: LogBatch['chunks']): Promise<LogAck> {
    if (this.#logStream === undefined) {
      const stream = this.#logClient?.push()
      if (stream === undefined) throw new Error('not connected')
      stream.on('error', () => {})
      stream.on('data', (ack: LogAck) => this.logAcks.push(ack))
      this.#logStream = stream
    }
    const stream = this.#logStream
    return new Promise((resolve, reject) => {
      stream.once('data', resolve)
      stream.once('error', reject)
      stream.write(LogBatch.fromPartial({ chunks: [...chunks] }))
    })
  }

  #receive(message: ControlMessage): void {
    const body = message.message
    switch (body?.$case) {
      case 'welcome': {
        this.welcomes.push(body.value)
        for (const { processId, lastSeq } of body.value.stored) {
          const rest = this.#known.get(processId)?.events.slice(lastSeq) ?? []
          if (rest.length > 0) this.sendEvents(...rest)
        }
        return
      }
      case 'desired':
        this.#desire(body.value)
        return
      case 'eventsAck':
        this.acks.push(body.value)
        for (const { processId, lastSeq } of body.value.resend)
          this.sendEvents(...(this.#known.get(processId)?.events.slice(lastSeq) ?? []))
        return
      case 'goodbye':
        this.goodbyes.push(body.value.reason)
        return
      default:
    }
  }

  #desire(state: DesiredState): void {
    this.desired.push(state)
    const digest = Buffer.from(desiredDigest(state.processes))
    const accepted = digest.equals(Buffer.from(state.digest))
    this.send({ $case: 'desired', value: { generation: state.generation, digest, accepted, reason: accepted ? '' : 'digest' } })
    const named = new Set(state.processes.map((spec) => spec.processId))
    for (const [id, known] of this.#known) if (!named.has(id)) this.#stop(known)
    for (const spec of state.processes) {
      const known = this.#known.get(spec.processId)
      if (known === undefined) this.#begin(spec)
      else {
        known.spec = spec
        if (spec.intent === 3) this.#stop(known)
      }
    }
  }

  #stop(known: Known): void {
    known.wanted = false
    for (const listener of [...known.stopListeners]) listener()
  }

  #begin(spec: ProcessSpec): void {
    const known: Known = {
      spec,
      wanted: spec.intent !== 3,
      events: [],
      stopListeners: new Set(),
      offsets: { stdout: 0n, stderr: 0n },
    }
    this.#known.set(spec.processId, known)
    const number = (event: NonNullable<LifecycleEvent['event']>): LifecycleEvent => {
      const numbered = LifecycleEvent.fromPartial({
        processId: spec.processId,
        seq: known.events.length + 1,
        atMs: BigInt(Date.now()),
        event,
      })
      known.events.push(numbered)
      return numbered
    }
    const tell = (event: NonNullable<LifecycleEvent['event']>): void => this.sendEvents(number(event))
    void this.#script(spec, {
      accepted: () => tell({ $case: 'accepted', value: {} }),
      started: () => tell({ $case: 'started', value: { hostPid: 1000, hostPpid: 999, monitorPid: 998, uid: 1000, gid: 1000 } }),
      ready: (socketPath = `/run/berth/claimed/${spec.processId}.sock`) => tell({ $case: 'ready', value: { socketPath } }),
      exited: (code = 0, more = {}) =>
        tell({
          $case: 'exited',
          value: {
            code,
            signal: 0,
            reason: more.reason ?? 'exited',
            failingStep: more.failingStep ?? '',
            message: more.message ?? '',
            stdoutBytes: known.offsets.stdout,
            stderrBytes: known.offsets.stderr,
          },
        }),
      refused: (reason, message) => tell({ $case: 'refused', value: { reason, message } }),
      finalized: () => tell({ $case: 'finalized', value: {} }),
      number,
      log: async (text, stream = 'stdout') => {
        const data = Buffer.from(text)
        const offset = known.offsets[stream]
        known.offsets[stream] += BigInt(data.length)
        await this.pushLog([
          {
            processId: spec.processId,
            stream: stream === 'stdout' ? LogStream.STDOUT : LogStream.STDERR,
            offset,
            data,
            gapBytes: 0n,
            atMs: BigInt(Date.now()),
          },
        ])
      },
      get spec() {
        return known.spec
      },
      stopWanted: () => (known.wanted ? new Promise((resolve) => known.stopListeners.add(resolve)) : Promise.resolve()),
    })
  }
}

/** A host on which everything goes well: jobs end with 0, services are ready at once and end when told. */
export const everythingWorks: SimScript = async (spec, process) => {
  process.accepted()
  process.started()
  if (spec.work?.$case === 'serve') {
    process.ready()
    await process.stopWanted()
    process.exited(0, { reason: 'stopped' })
  } else process.exited(0)
  process.finalized()
}
