import { request } from 'node:http'
import { createConnection } from 'node:net'

const ANSWER_TIMEOUT_MS = 2_000

/** Whether something answers `GET path` with 200 there. */
export async function answersHttp(
  target: { readonly socketPath: string } | { readonly host: string; readonly port: number },
  path: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ ...target, path, method: 'GET', agent: false, timeout: ANSWER_TIMEOUT_MS }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

export async function acceptsConnections(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const peer = createConnection(socketPath)
    const finish = (answer: boolean) => {
      peer.destroy()
      resolve(answer)
    }
    peer.setTimeout(ANSWER_TIMEOUT_MS, () => finish(false))
    peer.on('connect', () => finish(true))
    peer.on('error', () => finish(false))
  })
}
