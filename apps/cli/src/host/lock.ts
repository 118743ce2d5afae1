// One `berth up` per Server.RunDir. The kernel's file lock decides (it ends with its holder, however that dies); the socket beside it tells
// others who holds it.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import { LOCK_ANSWER_TIMEOUT_MS } from '../limits.js'

export interface UpLock {
  release(): void
}

export type LockResult = { readonly kind: 'locked'; readonly lock: UpLock } | { readonly kind: 'held'; readonly by: string }

/** runDir must exist, owned by root. */
export async function lockUp(runDir: string): Promise<LockResult> {
  const socket = join(runDir, 'up.sock')
  const descriptor = openSync(join(runDir, 'up.lock'), 'w', 0o600)
  // Node has no flock. The lock belongs to the open file, which flock(1) inherits: it stays with us when that program ends.
  const flock = spawnSync('flock', ['--nonblock', '--exclusive', '3'], { stdio: ['ignore', 'ignore', 'pipe', descriptor] })
  if (flock.error !== undefined || (flock.status !== 0 && flock.status !== 1)) {
    throw new AppError('internal', 'cannot lock the run directory with flock (package util-linux)', { cause: flock.error })
  }
  if (flock.status === 1) {
    closeSync(descriptor)
    return { kind: 'held', by: await askHolder(socket) }
  }
  rmSync(socket, { force: true })
  const umask = process.umask(0o077)
  const server = createServer((peer) => {
    peer.on('error', () => {})
    peer.end(`${process.pid}\n`)
  })
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve))
  } finally {
    process.umask(umask)
  }
  server.unref()
  return {
    kind: 'locked',
    lock: {
      release() {
        server.close()
        rmSync(socket, { force: true })
        closeSync(descriptor)
      },
    },
  }
}

async function askHolder(socket: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const peer = createConnection(socket)
    peer.setTimeout(LOCK_ANSWER_TIMEOUT_MS, () => peer.destroy())
    peer.on('data', (chunk) => {
      text += chunk
    })
    peer.on('error', () => {})
    peer.on('close', () => resolve(/^\d+\n/.test(text) ? `pid ${text.trim()}` : 'another process'))
  })
}
