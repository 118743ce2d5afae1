import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { readPartSettings } from '@berth/config/read-part-settings.js'
import { errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { STOP_MAX_MS } from './limits.js'
import { startControlPlane } from './start-control-plane.js'
import { createLog } from './telemetry.js'

const log = createLog('control-plane')

try {
  const channel = await readPartSettings<ControlPlaneSettings>()
  log.info(`Starting Berth ${PRODUCT_VERSION}`)
  let stopping = false
  let controlPlane: Awaited<ReturnType<typeof startControlPlane>> | undefined
  const stop = (why: string): void => {
    if (stopping) return
    stopping = true
    log.info({ why }, 'stopping')
    // Whatever hangs must not keep a successor from starting: everything is in the database.
    setTimeout(() => process.exit(1), STOP_MAX_MS).unref()
    void (controlPlane?.stop() ?? Promise.resolve()).then(() => process.exit(0))
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  channel.onStarterGone(() => stop('whoever started it is gone'))
  controlPlane = await startControlPlane(channel.settings, log)
  log.info({ cluster_port: controlPlane.clusterPort }, 'the control plane is ready')
  if (stopping) await controlPlane.stop()
} catch (error) {
  log.error({ error: errorChain(error) }, 'the control plane cannot start')
  process.exit(1)
}
