import { createServer } from 'node:net'

/** A port of the range, first to last, that nobody listens on. */
export async function findAvailablePort(first: number, last: number): Promise<number> {
  for (let port = first; port <= last; port += 1) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
  throw new Error(`no port from ${first} to ${last} is free`)
}
