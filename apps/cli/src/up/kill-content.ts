import { readdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { LOCK_ANSWER_TIMEOUT_MS } from '../limits.js'

/** Has every monitor of this host kill its tree at once: what a second Ctrl-C asks for. The agent reports the ends as usual. */
export async function killContent(stateDir: string): Promise<void> {
  const runs = join(stateDir, 'runs')
  let names: string[] = []
  try {
    names = readdirSync(runs)
  } catch {
    return
  }
  await Promise.all(names.map((name) => askToKill(join(runs, name, 'ctl'))))
}

function askToKill(socketPath: string): Promise<void> {
  return new Promise((resolve) => {
    const peer = createConnection(socketPath)
    const finish = () => {
      peer.destroy()
      resolve()
    }
    peer.setTimeout(LOCK_ANSWER_TIMEOUT_MS, finish)
    peer.on('connect', () => peer.write('kill\n'))
    peer.on('data', finish)
    peer.on('error', finish)
    peer.on('close', finish)
  })
}
