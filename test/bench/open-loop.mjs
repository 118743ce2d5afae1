// Requests at a fixed rate whatever the answers do, each timed from the moment it was due: a slow answer cannot hide those that wait
// behind it.

import { once } from 'node:events'
import { connect } from 'node:net'

const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * @param target {port} or {socketPath}
 * @param request complete bytes of one GET; its answers have a Content-Length
 * @returns milliseconds from due to complete, one per request
 */
export async function openLoop(target, request, { perSecond, seconds, connections }) {
  const waiting = []
  const free = await Promise.all(Array.from({ length: connections }, () => openConnection(target)))
  const latencies = []
  const total = perSecond * seconds
  const beginMs = performance.now()
  let issued = 0
  let finish
  const finished = new Promise((resolve) => {
    finish = resolve
  })

  const send = (connection, dueMs) => {
    connection.dueMs = dueMs
    connection.socket.write(request)
  }
  for (const connection of free) {
    connection.onAnswer = () => {
      latencies.push(performance.now() - connection.dueMs)
      const dueMs = waiting.shift()
      if (dueMs === undefined) free.push(connection)
      else send(connection, dueMs)
      if (latencies.length === total) finish()
    }
  }
  const timer = setInterval(() => {
    const nowMs = performance.now()
    while (issued < total && beginMs + (issued * 1000) / perSecond <= nowMs) {
      const dueMs = beginMs + (issued * 1000) / perSecond
      issued += 1
      const connection = free.pop()
      if (connection === undefined) waiting.push(dueMs)
      else send(connection, dueMs)
    }
    if (issued === total) clearInterval(timer)
  }, 1)
  await finished
  for (const connection of free) connection.socket.destroy()
  return latencies
}

async function openConnection(target) {
  const socket = connect(target.socketPath === undefined ? { port: target.port, host: '127.0.0.1' } : { path: target.socketPath })
  await once(socket, 'connect')
  socket.setNoDelay?.(true)
  const connection = { socket, dueMs: 0, onAnswer: () => {} }
  let held = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const end = held.indexOf(HEAD_END)
    if (end === -1) return
    const length = /\r\ncontent-length: (\d+)/i.exec(held.toString('latin1', 0, end))
    if (length === null || !held.toString('latin1', 0, 12).endsWith(' 200')) throw new Error(held.toString('latin1', 0, end))
    if (held.length < end + 4 + Number(length[1])) return
    held = Buffer.alloc(0)
    connection.onAnswer()
  })
  return connection
}
