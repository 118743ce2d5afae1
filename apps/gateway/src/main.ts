// The gateway: carries web traffic to content, and everything else to the control plane. It owns the public port and nothing
// else: no database, no keys, no root. It promises that only who the control plane let in reaches content, that what
// content sees about a visitor is true, and that visitors whom it knows go on while the control plane is away.
// It leaves to others: who may see what (control plane), what runs where (control plane, agent).
import type { GatewaySettings } from '@berth/config/part-settings.js'
import { readPartSettings } from '@berth/config/read-part-settings.js'
import { errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { destination, pino } from 'pino'
import { EXIT_PORT_TAKEN } from './limits.js'
import { type Gateway, startGateway } from './start-gateway.js'

async function main(): Promise<void> {
  const channel = await readPartSettings<GatewaySettings>()
  const { settings } = channel
  const log = pino({ name: 'gateway', base: { name: 'gateway' } }, destination({ dest: 2, sync: true }))
  let gateway: Gateway
  try {
    gateway = await startGateway(settings, log)
  } catch (error) {
    process.stderr.write(`${listenProblem(error, settings)}\n`)
    process.exit(isTaken(error) ? EXIT_PORT_TAKEN : 1)
  }
  log.info({ listen: gateway.address, version: PRODUCT_VERSION }, 'gateway ready')
  let stopping = false
  const stop = (why: string): void => {
    if (stopping) return
    stopping = true
    log.info({ why }, 'gateway stops')
    gateway.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'gateway stopped with an error')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  channel.onStarterGone(() => stop('whoever started it is gone'))
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

function listenProblem(error: unknown, settings: GatewaySettings): string {
  const { port } = settings.listen
  if (isTaken(error)) return `port ${port} is taken: stop what listens there, or choose another with --listen or HTTP.Listen`
  if ((error as NodeJS.ErrnoException).code === 'EACCES') {
    return `port ${port} may not be opened by this account: choose one above 1023 with --listen or HTTP.Listen`
  }
  return `the gateway cannot start: ${errorChain(error)}`
}

main().catch((error: unknown) => {
  process.stderr.write(`the gateway cannot start: ${errorChain(error)}\n`)
  process.exit(1)
})
