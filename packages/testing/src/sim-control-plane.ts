// A control plane for tests of the agent: speaks berth.agent.v1, enrolment and files like the real one, keeps what it is told in memory,
// and does on request what a real one does only in trouble: refuse to acknowledge, forget, send old or false sets, hang up.
import 'reflect-metadata'
import { createHash, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { desiredDigest } from '@berth/protocol/desired-digest.js'
import type { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { LogAck, type LogBatch, LogServiceService, LogStream } from '@berth/protocol/gen/berth/agent/v1/log.js'
import {
  type AgentMessage,
  AgentSessionServiceService,
  ControlMessage,
  type DesiredAnswer,
  DesiredState,
  type FetchLaunchSecretsRequest,
  FetchLaunchSecretsResponse,
  type Heartbeat,
  type Hello,
} from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { CONTROL_PLANE_SERVER_NAME, formatJoinToken } from '@berth/protocol/join-token.js'
import { Server, ServerCredentials, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import {
  BasicConstraintsExtension,
  cryptoProvider,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { WAIT_TIMEOUT_MS } from './limits.js'
import { waitFor } from './wait-for.js'

type SessionStream = ServerDuplexStream<AgentMessage, ControlMessage>
export type EventCase = NonNullable<LifecycleEvent['event']>['$case']
export type EventValue<C extends EventCase> = { [E in NonNullable<LifecycleEvent['event']> as E['$case']]: E['value'] }[C]

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export class SimControlPlane {
  /** In the order of arrival; every copy, also of what arrives again. */
  readonly received: LifecycleEvent[] = []
  readonly hellos: Hello[] = []
  readonly answers: DesiredAnswer[] = []
  readonly heartbeats: Heartbeat[] = []
  readonly secretsAsked: string[] = []
  readonly enrolments: { token: string; hostname: string }[] = []
  /** Archives that can be fetched: SHA-256 → file. */
  readonly archives = new Map<string, string>()
  readonly secrets = new Map<string, Record<string, string>>()
  readonly nodeId = '01900000-0000-7000-8000-0000000000ff'
  /** Off: events and logs are taken and not acknowledged, as while the database is away. */
  acknowledges = true
  /** What the next Hello is answered with instead of Welcome. */
  goodbye: string | undefined
  token = ''
  port = 0

  readonly #sockets = new Set<Socket>()
  readonly #events = new Map<string, LifecycleEvent[]>()
  readonly #logs = new Map<string, { bytes: Buffer[]; next: bigint; gaps: bigint }>()
  #stream: SessionStream | undefined
  #generation = 0n
  #processes: readonly ProcessSpec[] = []
  #epoch = 0n
  #serial = 1
  #authority: { certificate: X509Certificate; keys: webcrypto.CryptoKeyPair } | undefined
  #secret = ''
  #close: () => Promise<void> = async () => undefined

  static async start(): Promise<SimControlPlane> {
    const sim = new SimControlPlane()
    cryptoProvider.set(webcrypto as never)
    const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: 'CN=simulated authority',
      keys,
      serialNumber: '01',
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: ALGORITHM,
      extensions: [new BasicConstraintsExtension(true, 1, true)],
    })
    sim.#authority = { certificate, keys }
    sim.#secret = randomBytes(24).toString('base64url')
    const authoritySha256 = createHash('sha256')
      .update(new NodeCertificate(certificate.toString('pem')).raw)
      .digest('hex')
    sim.token = formatJoinToken({ secret: sim.#secret, authoritySha256 })
    await sim.listen()
    return sim
  }

  /** Also again after `hangUp`, on the same port. */
  async listen(): Promise<void> {
    const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const server = await this.#issue(`CN=${CONTROL_PLANE_SERVER_NAME}`, keys.publicKey, 3_600_000)
    const grpc = new Server({ 'grpc.max_receive_message_length': -1 })
    grpc.addService(AgentSessionServiceService, {
      connect: (call: SessionStream) => this.#session(call),
      fetchLaunchSecrets: (
        call: ServerUnaryCall<FetchLaunchSecretsRequest, FetchLaunchSecretsResponse>,
        callback: sendUnaryData<FetchLaunchSecretsResponse>,
      ) => {
        this.secretsAsked.push(call.request.processId)
        callback(null, FetchLaunchSecretsResponse.fromPartial({ env: this.secrets.get(call.request.processId) ?? {} }))
      },
    } as never)
    grpc.addService(LogServiceService, { push: (call: ServerDuplexStream<LogBatch, LogAck>) => this.#push(call) } as never)
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    const http = createHttpServer((request, response) => void this.#answer(request, response))
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
    const tls = createTlsServer(
      {
        key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
        cert: server,
        ca: this.#pem(),
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2', 'http/1.1'],
      },
      (socket: TLSSocket) => {
        this.#sockets.add(socket)
        socket.on('close', () => this.#sockets.delete(socket))
        socket.on('error', () => undefined)
        if (socket.alpnProtocol !== 'h2') http.emit('connection', socket)
        else if (socket.authorized) injector.injectConnection(socket)
        else socket.destroy()
      },
    )
    tls.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve, reject) => {
      tls.once('error', reject)
      tls.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = (tls.address() as AddressInfo).port
    this.#close = async () => {
      const closed = new Promise<void>((resolve) => tls.close(() => resolve()))
      grpc.forceShutdown()
      for (const socket of this.#sockets) socket.destroy()
      http.close()
      await closed
    }
  }

  /** As if killed: connections break, nobody listens. */
  async hangUp(): Promise<void> {
    this.#stream = undefined
    await this.#close()
  }

  get isConnected(): boolean {
    return this.#stream !== undefined
  }

  get generation(): bigint {
    return this.#generation
  }

  /** The complete set, under the next generation; returns that. */
  want(processes: readonly ProcessSpec[]): bigint {
    this.#generation += 1n
    this.#processes = [...processes].sort((a, b) => (a.processId < b.processId ? -1 : 1))
    this.#sendDesired()
    return this.#generation
  }

  /** Whatever a sick control plane would say. */
  sendRaw(desired: DesiredState): void {
    this.#stream?.write(ControlMessage.fromPartial({ message: { $case: 'desired', value: desired } }))
  }

  desired(): DesiredState {
    return DesiredState.fromPartial({
      generation: this.#generation,
      digest: desiredDigest(this.#processes),
      processes: [...this.#processes],
    })
  }

  /** Each number once, in order. */
  eventsOf(processId: string): readonly LifecycleEvent[] {
    return this.#events.get(processId) ?? []
  }

  find<C extends EventCase>(processId: string, kind: C): EventValue<C> | undefined {
    return this.eventsOf(processId).find((one) => one.event?.$case === kind)?.event?.value as EventValue<C> | undefined
  }

  async waitForEvent<C extends EventCase>(processId: string, kind: C, timeoutMs = WAIT_TIMEOUT_MS): Promise<EventValue<C>> {
    let seen: EventValue<C> | undefined
    await waitFor(
      `event "${kind}" of ${processId}`,
      () => {
        seen = this.find(processId, kind)
        return seen !== undefined
      },
      timeoutMs,
    )
    return seen as EventValue<C>
  }

  logOf(processId: string, stream: 'stdout' | 'stderr'): { readonly text: string; readonly gapBytes: bigint } {
    const log = this.#logs.get(`${processId} ${stream}`)
    return { text: Buffer.concat(log?.bytes ?? []).toString('utf8'), gapBytes: log?.gaps ?? 0n }
  }

  /** A database restored to a moment ago. */
  forgetEventsAfter(processId: string, seq: number): void {
    this.#events.set(
      processId,
      this.eventsOf(processId).filter((one) => one.seq <= seq),
    )
  }

  #sendDesired(): void {
    this.sendRaw(this.desired())
  }

  #session(call: SessionStream): void {
    call.on('data', (message: AgentMessage) => {
      const said = message.message
      if (said?.$case === 'hello') this.#welcome(call, said.value)
      if (said?.$case === 'desired') this.answers.push(said.value)
      if (said?.$case === 'heartbeat') this.heartbeats.push(said.value)
      if (said?.$case === 'events') this.#ingest(call, said.value.events)
    })
    const gone = () => {
      if (this.#stream === call) this.#stream = undefined
    }
    call.on('end', () => {
      gone()
      call.end()
    })
    call.on('cancelled', gone)
    call.on('error', gone)
  }

  #welcome(call: SessionStream, hello: Hello): void {
    this.hellos.push(hello)
    if (this.goodbye !== undefined) {
      call.write(ControlMessage.fromPartial({ message: { $case: 'goodbye', value: { reason: this.goodbye } } }))
      call.end()
      return
    }
    this.#epoch += 1n
    const stored = hello.processes.map(({ processId }) => ({ processId, lastSeq: this.eventsOf(processId).at(-1)?.seq ?? 0 }))
    call.write(
      ControlMessage.fromPartial({
        message: { $case: 'welcome', value: { protocol: 1, streamEpoch: this.#epoch, version: 'sim', stored } },
      }),
    )
    this.#stream = call
    this.#sendDesired()
  }

  #ingest(call: SessionStream, events: readonly LifecycleEvent[]): void {
    const stored = new Map<string, number>()
    const resend = new Map<string, number>()
    for (const event of events) {
      this.received.push(event)
      if (!this.acknowledges) continue
      const known = this.#events.get(event.processId) ?? []
      const last = known.at(-1)?.seq ?? 0
      if (event.seq > last + 1) resend.set(event.processId, last)
      else if (event.seq === last + 1) this.#events.set(event.processId, [...known, event])
      stored.set(event.processId, this.#events.get(event.processId)?.at(-1)?.seq ?? 0)
      if (event.seq > last && (event.event?.$case === 'exited' || event.event?.$case === 'refused'))
        this.#dropFromSet(event.processId)
    }
    if (!this.acknowledges) return
    const positions = (map: Map<string, number>) => [...map].map(([processId, lastSeq]) => ({ processId, lastSeq }))
    call.write(
      ControlMessage.fromPartial({
        message: { $case: 'eventsAck', value: { stored: positions(stored), resend: positions(resend) } },
      }),
    )
  }

  #dropFromSet(processId: string): void {
    if (this.#processes.some((one) => one.processId === processId))
      this.want(this.#processes.filter((one) => one.processId !== processId))
  }

  #push(call: ServerDuplexStream<LogBatch, LogAck>): void {
    call.on('data', (batch: LogBatch) => {
      if (!this.acknowledges) return
      const stored = batch.chunks.map((chunk) => {
        const key = `${chunk.processId} ${chunk.stream === LogStream.STDERR ? 'stderr' : 'stdout'}`
        const log = this.#logs.get(key) ?? { bytes: [], next: 0n, gaps: 0n }
        this.#logs.set(key, log)
        if (chunk.gapBytes > 0n && chunk.offset >= log.next) {
          log.gaps += chunk.gapBytes
          log.next = chunk.offset + chunk.gapBytes
        } else if (chunk.offset <= log.next) {
          const fresh = chunk.data.subarray(Number(log.next - chunk.offset))
          log.bytes.push(fresh)
          log.next += BigInt(fresh.length)
        }
        return { processId: chunk.processId, stream: chunk.stream, offset: log.next }
      })
      call.write(LogAck.fromPartial({ stored }))
    })
    call.on('end', () => call.end())
    call.on('error', () => undefined)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`
    const reply = (status: number, body: string) => response.writeHead(status).end(body)
    if (route === 'GET /ca') return void reply(200, this.#pem())
    if (route === 'POST /enroll' || route === 'POST /renew') {
      let text = ''
      for await (const piece of request) text += String(piece)
      const body = JSON.parse(text) as { token?: string; csr: string; hostname?: string }
      if (route === 'POST /enroll') {
        this.enrolments.push({ token: body.token ?? '', hostname: body.hostname ?? '' })
        if (body.token !== this.#secret) return void reply(403, 'not a token of ours')
      } else if (!(request.socket as TLSSocket).authorized) return void reply(401, 'no certificate')
      const csr = new Pkcs10CertificateRequest(body.csr)
      const certificate = await this.#issue(`CN=${this.nodeId}`, csr.publicKey as never, 3_600_000)
      return void reply(200, JSON.stringify({ node_id: this.nodeId, certificate, ca: this.#pem() }))
    }
    const archive = this.archives.get(/^GET \/artifacts\/bundles\/(\w+)$/.exec(route)?.[1] ?? '')
    if (archive === undefined) return void reply(404, 'no such archive')
    if (!(request.socket as TLSSocket).authorized) return void reply(401, 'no certificate')
    createReadStream(archive).pipe(response.writeHead(200))
  }

  #pem(): string {
    return this.#authority?.certificate.toString('pem') ?? ''
  }

  async #issue(subject: string, publicKey: webcrypto.CryptoKey, lifeMs: number): Promise<string> {
    const authority = this.#authority
    if (authority === undefined) throw new Error('start first')
    this.#serial += 1
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: authority.certificate.subject,
      publicKey,
      signingKey: authority.keys.privateKey,
      serialNumber: this.#serial.toString(16).padStart(4, '0'),
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + lifeMs),
      signingAlgorithm: ALGORITHM,
      extensions:
        subject === `CN=${CONTROL_PLANE_SERVER_NAME}`
          ? [new SubjectAlternativeNameExtension([{ type: 'dns', value: CONTROL_PLANE_SERVER_NAME }])]
          : [],
    })
    return certificate.toString('pem')
  }
}
