// One `berth up` per runtime directory. The lock is a socket that answers: it cannot be left behind by a process that is gone.
import { rmSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { AppError } from '@berth/domain/app-error.js'

/** Takes the lock, or says who holds it. */
export async function takeUpLock(socketPath: string): Promise<Server> {
  const holder = await askHolder(socketPath)
  if (holder !== undefined) {
    throw new AppError('conflict', `Berth already runs here (pid ${holder}): stop it first, or choose another --data-dir`)
  }
  rmSync(socketPath, { force: true })
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end(`${process.pid}\n`))
    server.on('error', reject)
    server.listen(socketPath, () => resolve(server))
  })
}

function askHolder(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    let heard = ''
    socket.on('data', (chunk) => (heard += chunk.toString('latin1')))
    socket.on('error', () => resolve(undefined))
    socket.on('close', (failed) => resolve(failed ? undefined : heard.trim() || 'unknown'))
  })
}
