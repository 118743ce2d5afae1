import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener, request } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'

export interface Backend {
  readonly socketPath: string
  readonly server: Server
  close(): Promise<void>
}

/** An application that speaks HTTP well, on a Unix socket. */
export function startBackend(socketPath: string, listener: RequestListener): Promise<Backend> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, listener)
  return listenOn(server, socketPath)
}

/** An application that says exactly these bytes. */
export function startRawBackend(socketPath: string, onSocket: (socket: Socket) => void): Promise<Backend> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  return listenOn(server, socketPath)
}

async function listenOn(server: Server, socketPath: string): Promise<Backend> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  return {
    socketPath,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
  /** Sent without a length. */
  readonly chunked?: boolean
}

/** One request over a connection of its own. */
export function ask(port: number, path: string, how: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | string[]> = { ...how.headers }
    if (how.body !== undefined && how.chunked !== true) headers['Content-Length'] = String(Buffer.byteLength(how.body))
    const req = request({ host: '127.0.0.1', port, path, method: how.method ?? 'GET', headers, agent: false }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          rawHeaders: res.rawHeaders,
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    req.on('error', reject)
    if (how.chunked === true) req.write(how.body ?? '')
    req.end(how.chunked === true ? undefined : how.body)
  })
}
