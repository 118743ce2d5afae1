import { createConnection } from 'node:net'
import { LOCK_ANSWER_TIMEOUT_MS } from '../limits.js'

/** pid of the Redis that answers on the socket with this password; undefined when none does, or while it loads its data. */
export async function askRedisForPid(socket: string, password: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let answer = ''
    const peer = createConnection(socket)
    const finish = (pid: number | undefined) => {
      peer.destroy()
      resolve(pid)
    }
    peer.setTimeout(LOCK_ANSWER_TIMEOUT_MS, () => finish(undefined))
    peer.on('connect', () => peer.write(`AUTH ${password}\r\nPING\r\nINFO server\r\n`))
    peer.on('data', (chunk) => {
      answer += chunk
      if (/^-/m.test(answer)) return finish(undefined)
      const pid = /^process_id:(\d+)\r$/m.exec(answer)?.[1]
      if (pid !== undefined && answer.includes('+PONG')) finish(Number(pid))
    })
    peer.on('error', () => finish(undefined))
    peer.on('close', () => finish(undefined))
  })
}
