// Where agents dial in: one TLS port, parted by ALPN (docs/decisions/0001). h2 is gRPC and needs a certificate of our authority;
// http/1.1 is enrolment and files, and each address decides by itself.
import { createServer as createHttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { AppError, errorChain } from '@berth/domain/app-error.js'
import { LogServiceService } from '@berth/protocol/gen/berth/agent/v1/log.js'
import { AgentSessionServiceService } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import {
  CLUSTER_IDLE_SOCKET_MS,
  GRPC_KEEPALIVE_MS,
  GRPC_KEEPALIVE_TIMEOUT_MS,
  GRPC_MESSAGE_BYTES_MAX,
  GRPC_STOP_GRACE_MS,
} from '../limits.js'
import { agentSessionService } from './agent-session.js'
import { type EnrollmentDeps, handleClusterRequest } from './enrollment.js'
import { logService } from './log.js'

export interface ClusterListener {
  /** The port that is listened on, for settings that say 0. */
  readonly port: number
  stop(): Promise<void>
}

export interface ClusterListenerDeps extends EnrollmentDeps {
  readonly listen: { readonly host: string; readonly port: number }
  readonly session: ReturnType<typeof agentSessionService>
  readonly logs: ReturnType<typeof logService>
}

export const GRPC_SERVER_OPTIONS = {
  'grpc.max_receive_message_length': GRPC_MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': GRPC_MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': GRPC_KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': GRPC_KEEPALIVE_TIMEOUT_MS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc-node.max_session_memory': Number.MAX_SAFE_INTEGER,
} as const

export async function startClusterListener(deps: ClusterListenerDeps): Promise<ClusterListener> {
  const grpc = new Server(GRPC_SERVER_OPTIONS)
  grpc.addService(AgentSessionServiceService, deps.session as never)
  grpc.addService(LogServiceService, deps.logs as never)
  // TLS ends in our own server below; gRPC is given the finished connection and reads the certificate from it.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const http = createHttpServer({ keepAliveTimeout: CLUSTER_IDLE_SOCKET_MS }, (request, response) =>
    handleClusterRequest(deps, request, response),
  )
  const { keyPem, certificatePem } = await deps.authority.issueServer()
  const sockets = new Set<Socket>()
  const tls = createTlsServer(
    {
      key: keyPem,
      cert: certificatePem,
      ca: deps.authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: false, // an agent that enrols has none yet
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.3',
    },
    (socket: TLSSocket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', (error) => deps.log.info({ error: error.message }, 'a connection of an agent broke'))
      socket.setNoDelay(true)
      if (socket.alpnProtocol === 'h2') {
        if (socket.authorized) injector.injectConnection(socket)
        else socket.destroy()
        return
      }
      http.emit('connection', socket)
    },
  )
  tls.on('tlsClientError', (error) => deps.log.info({ error: errorChain(error) }, 'a TLS handshake on the cluster port failed'))
  await new Promise<void>((resolve, reject) => {
    tls.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${deps.listen.host}:${deps.listen.port}`
      const why =
        cause.code === 'EADDRINUSE'
          ? `another program listens on ${where} (Cluster.Listen)`
          : `cannot listen on ${where} (Cluster.Listen)`
      reject(new AppError('unavailable', why, { cause }))
    })
    tls.listen(deps.listen.port, deps.listen.host, resolve)
  })
  const address = tls.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : deps.listen.port,
    async stop() {
      tls.close()
      http.close()
      injector.drain(GRPC_STOP_GRACE_MS)
      const graceful = new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()))
      let timer: NodeJS.Timeout | undefined
      await Promise.race([graceful, new Promise<void>((resolve) => (timer = setTimeout(resolve, GRPC_STOP_GRACE_MS)))])
      clearTimeout(timer)
      grpc.forceShutdown()
      for (const socket of sockets) socket.destroy()
    },
  }
}
