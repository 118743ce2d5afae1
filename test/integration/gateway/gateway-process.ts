import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { GatewaySettings } from '@berth/config/part-settings.js'

const MAIN = fileURLToPath(new URL('../../../apps/gateway/dist/main.js', import.meta.url))

export interface RunningGateway {
  readonly port: number
  readonly child: ChildProcess
  readonly log: readonly string[]
  /** Ends the pipe on descriptor 3, as a starter that dies does. */
  dropStarter(): void
  stop(): Promise<number | null>
}

/** The built gateway as `berth up` starts it: settings on descriptor 3, which stays open. */
export async function startGatewayProcess(
  settings: Partial<GatewaySettings> & Pick<GatewaySettings, 'controlSocket' | 'httpSocket'>,
): Promise<RunningGateway> {
  const full: GatewaySettings = {
    listen: { host: '127.0.0.1', port: 0 },
    address: null,
    trustedProxies: [],
    frameOptionsContent: '',
    frameOptionsDashboard: 'DENY',
    ...settings,
  }
  const child = spawn(process.execPath, [MAIN], { stdio: ['ignore', 'inherit', 'pipe', 'pipe'] })
  const log: string[] = []
  const pipe = child.stdio[3] as NodeJS.WritableStream & { destroy(): void }
  pipe.on('error', () => {})
  pipe.write(`${JSON.stringify(full)}\n`)
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
  const exited = once(child, 'exit')
  const port = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      log.push(line)
      const ready = /"listen":\{"host":"[^"]*","port":(\d+)\}/.exec(line)
      if (ready !== null) resolve(Number(ready[1]))
    })
    void exited.then(([code]) => reject(new GatewayExit(code as number | null, log)))
  })
  return {
    port,
    child,
    log,
    dropStarter: () => pipe.destroy(),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await exited
      return child.exitCode
    },
  }
}

export class GatewayExit extends Error {
  constructor(
    readonly code: number | null,
    readonly log: readonly string[],
  ) {
    super(`the gateway ended with ${code}: ${log.join('\n')}`)
  }
}
