import { errorChain } from '@berth/domain/app-error.js'
import { DEPLOYMENT_AGE_MAX_MS } from '../limits.js'
import { type DeployDeps, deployBundle, fail } from './deploy-bundle.js'
import { findDeployment, unfinishedDeployments } from './deployment.store.js'

export interface DeploymentRunner {
  /** Runs it unless it runs here already. Never throws: what failed unexpectedly is found by the next rescan. */
  run(deploymentId: string): Promise<void>
  /** Rings every unfinished deployment again. */
  rescan(ring: (deploymentId: string) => Promise<boolean>): Promise<void>
  /** Abandons what waits; rows stay unfinished and the next start goes on. */
  stop(): Promise<void>
}

export function createDeploymentRunner(deps: DeployDeps): DeploymentRunner {
  const running = new Map<string, Promise<void>>()
  const stopping = new AbortController()

  const runOnce = async (id: string): Promise<void> => {
    try {
      await deployBundle(deps, id, stopping.signal)
    } catch (error) {
      if (stopping.signal.aborted) return
      deps.log.error({ deployment: id, error: errorChain(error) }, 'a deployment met something unexpected; it is tried again')
      await giveUpWhenOld(id).catch(() => {})
    }
  }
  const giveUpWhenOld = async (id: string): Promise<void> => {
    const deployment = await findDeployment(deps.sql, id)
    if (deployment === undefined || Date.now() - deployment.created_time.getTime() < DEPLOYMENT_AGE_MAX_MS) return
    await fail(deps, deployment, 'The server could not finish this deployment. Its log says why; deploy again.')
  }
  const run = (id: string): Promise<void> => {
    const present = running.get(id)
    if (present !== undefined) return present
    const fresh = runOnce(id).finally(() => running.delete(id))
    running.set(id, fresh)
    return fresh
  }
  return {
    run,
    async rescan(ring) {
      for (const id of await unfinishedDeployments(deps.sql)) {
        if (running.has(id) || stopping.signal.aborted) continue
        if (!(await ring(id))) void run(id)
      }
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled(running.values())
    },
  }
}
