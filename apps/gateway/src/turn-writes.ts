// Small writes wait until everything that arrived in this turn of the event loop has been read. They then leave one behind the other and
// find their readers awake: waking a reader on another core for each of them costs more than the write itself (a tenth of the
// gateway's time at full load, measured). Alone, a write waits for some microseconds.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const requests: { readonly socket: Socket; readonly text: string }[] = []
const answers: { readonly res: ServerResponse; readonly body: Buffer | undefined }[] = []
let waits = false

/** @param text bytes as latin1 */
export function writeAfterTurn(socket: Socket, text: string): void {
  requests.push({ socket, text })
  wait()
}

/** Ends an answer whose head is known and whose body, if any, is this. */
export function endAfterTurn(res: ServerResponse, body: Buffer | undefined): void {
  answers.push({ res, body })
  wait()
}

function wait(): void {
  if (waits) return
  waits = true
  setImmediate(writeAll)
}

function writeAll(): void {
  waits = false
  for (const { res, body } of answers.splice(0)) {
    if (body === undefined) res.end()
    else res.end(body)
  }
  for (const { socket, text } of requests.splice(0)) if (!socket.destroyed) socket.write(text, 'latin1')
}
