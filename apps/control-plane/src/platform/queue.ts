// One BullMQ queue of deployments. Jobs carry ids only; a job's id is its row's id, so ringing twice is one job.
import type { RedisSettings } from '@berth/config/part-settings.js'
import { errorChain } from '@berth/domain/app-error.js'
import { Queue, Worker } from 'bullmq'
import { DEPLOYMENTS_AT_ONCE, QUEUE_LOCK_MS, QUEUE_RING_MS_MAX, QUEUE_STALLED_MAX } from '../limits.js'
import type { Log } from '../telemetry.js'
import { redisConnection } from './redis.js'

const DEPLOYMENTS_QUEUE = 'deployments'

export interface DeploymentQueue {
  /** false = Redis is away: the caller runs the work itself or leaves it to the next rescan. */
  ring(deploymentId: string): Promise<boolean>
  stop(): Promise<void>
}

export function startDeploymentQueue(
  settings: RedisSettings,
  work: (deploymentId: string) => Promise<void>,
  log: Log,
): DeploymentQueue {
  const quiet = quietly(log)
  const queue = new Queue(DEPLOYMENTS_QUEUE, { connection: redisConnection(settings, { failFast: true }) })
  const worker = new Worker(DEPLOYMENTS_QUEUE, async (job) => work(job.id as string), {
    connection: redisConnection(settings, { failFast: false }),
    concurrency: DEPLOYMENTS_AT_ONCE,
    // A killed control plane's jobs are taken over after this; the deployment itself may run twice.
    lockDuration: QUEUE_LOCK_MS,
    stalledInterval: QUEUE_LOCK_MS,
    maxStalledCount: QUEUE_STALLED_MAX,
  })
  queue.on('error', quiet)
  worker.on('error', quiet)
  return {
    async ring(deploymentId) {
      let timer: NodeJS.Timeout | undefined
      // The client waits for a connection without end; whoever rings does not. A ring that arrives later finds the work done.
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${QUEUE_RING_MS_MAX} ms`)), QUEUE_RING_MS_MAX)
      })
      const added = queue.add('deploy', {}, { jobId: deploymentId, removeOnComplete: true, removeOnFail: true })
      added.catch(() => {})
      try {
        await Promise.race([added, late])
        return true
      } catch (error) {
        quiet(error)
        return false
      } finally {
        clearTimeout(timer)
      }
    },
    async stop() {
      // Work under way is rerunnable and its row is unfinished: the next start goes on with it.
      await Promise.allSettled([worker.close(true), queue.close()])
    },
  }
}

/** One line per kind of trouble, not one per try. */
function quietly(log: Log): (error: unknown) => void {
  let last = ''
  let lastAtMs = 0
  return (error) => {
    const text = errorChain(error)
    if (text === last && performance.now() - lastAtMs < 60_000) return
    last = text
    lastAtMs = performance.now()
    log.warn({ error: text }, 'Redis is away: deployments are started without it')
  }
}
