// Where the gateway of this host dials in: gRPC on a Unix socket in a directory that only its group may enter.
import { chmod, unlink } from 'node:fs/promises'
import { AppError } from '@berth/domain/app-error.js'
import { type RouteServiceServer, RouteServiceService } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { GRPC_STOP_GRACE_MS } from '../limits.js'
import { GRPC_SERVER_OPTIONS } from './cluster-listener.js'

const SOCKET_MODE = 0o660

export interface ControlSocket {
  stop(): Promise<void>
}

/** path: absolute; a socket that a killed predecessor left is replaced. Mode 0660; the group comes from the set-group-id directory. */
export async function startControlSocket(path: string, routes: RouteServiceServer): Promise<ControlSocket> {
  const server = new Server(GRPC_SERVER_OPTIONS)
  server.addService(RouteServiceService, routes)
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (cause) => {
      if (cause === null) resolve()
      else reject(new AppError('unavailable', `cannot listen on ${path} (Cluster.ControlSocket)`, { cause }))
    })
  })
  await chmod(path, SOCKET_MODE)
  return {
    async stop() {
      const graceful = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      let timer: NodeJS.Timeout | undefined
      await Promise.race([graceful, new Promise<void>((resolve) => (timer = setTimeout(resolve, GRPC_STOP_GRACE_MS)))])
      clearTimeout(timer)
      server.forceShutdown()
      await unlink(path).catch(() => {})
    },
  }
}
