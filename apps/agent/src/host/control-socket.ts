import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { CONTROL_LINE_BYTES_MAX, CONTROL_SOCKET_ANSWER_MS } from '../limits.js'

// The monitor's control socket: a line protocol, root only. All signals go through it: pids are reused, its process is not.

/** One question on a connection of its own. Rejects when nobody answers in CONTROL_SOCKET_ANSWER_MS. */
export function askMonitor(runDir: string, question: 'ping' | 'kill' | `signal ${number}`): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(runDir)
    let text = ''
    const finish = (outcome: () => void) => {
      socket.destroy()
      outcome()
    }
    socket.setTimeout(CONTROL_SOCKET_ANSWER_MS, () =>
      finish(() => reject(new Error(`the monitor does not answer "${question}"`))),
    )
    socket.on('error', (cause) => finish(() => reject(new Error('no monitor at its control socket', { cause }))))
    socket.on('close', () => reject(new Error(`the monitor hung up on "${question}"`)))
    socket.on('data', (data) => {
      text += data
      const end = text.indexOf('\n')
      if (end >= 0) finish(() => resolve(text.slice(0, end)))
      else if (text.length > CONTROL_LINE_BYTES_MAX) finish(() => reject(new Error('the monitor talks too much')))
    })
    socket.write(`${question}\n`)
  })
}

export interface Subscription {
  close(): void
}

/** Told `log` when bytes were written and `exited` at the end; `closed` once, when the monitor is gone or cannot be reached. */
export function subscribeToMonitor(runDir: string, on: (what: 'log' | 'exited' | 'closed') => void): Subscription {
  const socket = connectTo(runDir)
  let text = ''
  socket.on('data', (data) => {
    text += data
    const lines = text.split('\n')
    text = (lines.pop() ?? '').slice(-CONTROL_LINE_BYTES_MAX)
    // Doorbells carry nothing: one for many is enough.
    if (lines.includes('log')) on('log')
    if (lines.some((line) => line.startsWith('exited'))) on('exited')
  })
  socket.on('error', () => undefined) // close follows
  socket.on('close', () => on('closed'))
  socket.write('subscribe\n')
  return {
    close() {
      socket.removeAllListeners('close')
      socket.destroy()
    },
  }
}

function connectTo(runDir: string): Socket {
  const socket = createConnection({ path: join(runDir, 'ctl') })
  socket.setEncoding('utf8')
  return socket
}
