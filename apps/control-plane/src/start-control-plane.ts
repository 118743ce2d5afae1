// Puts the rooms together and starts the roles in order; stops them in reverse. The only place that knows all rooms.
import { join } from 'node:path'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { errorChain } from '@berth/domain/app-error.js'
import type { ContentGuid } from '@berth/domain/ids.js'
import { createChangeFeed } from './events.js'
import { agentSessionService } from './grpc/agent-session.js'
import { startClusterListener } from './grpc/cluster-listener.js'
import { startControlSocket } from './grpc/control-socket.js'
import { logService } from './grpc/log.js'
import { routeService } from './grpc/route.js'
import { deleteProcessKeys } from './identity/api-key.store.js'
import { createIdentityRoom } from './identity/identity-room.js'
import { DEPLOYMENT_RESCAN_MS, LIVENESS_TICK_MS, POSTGRES_START_WAIT_MS, RETENTION_TICK_MS, SCALING_TICK_MS } from './limits.js'
import { reconcileLiveness } from './nodes/liveness.reconciler.js'
import { createSessionHub } from './nodes/session-hub.js'
import { openCertificateAuthority } from './platform/certificate-authority.js'
import { systemClock } from './platform/clock.js'
import { migrate, openPostgres, type Sql } from './platform/postgres.js'
import { startDeploymentQueue } from './platform/queue.js'
import { startReconciler } from './platform/reconciler-driver.js'
import { openSecretBox } from './platform/secret-box.js'
import { createIdleReconciler } from './processes/idle.reconciler.js'
import { createLaunchSecrets } from './processes/launch-secrets.js'
import { createProcessesRoom } from './processes/processes-room.js'
import { createArchiveDirectory } from './publishing/archive-directory.js'
import { createDeploymentRunner } from './publishing/deployment-runner.js'
import { reconcileRetention } from './retention/retention.reconciler.js'
import { createAcquireProcess } from './routing/acquire-process.js'
import { createLoadLedger } from './routing/load-ledger.js'
import { createRouteFeed } from './routing/route-feed.js'
import { startRest } from './start-rest.js'
import { createTasksRoom } from './tasks/tasks-room.js'
import { createMetrics, type Log } from './telemetry.js'

export const MIGRATIONS_DIR = join(import.meta.dirname, '..', 'migrations')

export interface ControlPlane {
  /** Where agents dial in: the port that was really taken. */
  readonly clusterPort: number
  stop(): Promise<void>
}

/** Fails with one sentence for people when something it needs is not there; then nothing stays open. */
export async function startControlPlane(settings: ControlPlaneSettings, log: Log): Promise<ControlPlane> {
  const stops: { readonly what: string; stop(): Promise<void> | void }[] = []
  const onStop = (what: string, stop: () => Promise<void> | void): void => {
    stops.unshift({ what, stop })
  }
  const stopAll = async (): Promise<void> => {
    for (const { what, stop } of stops.splice(0)) {
      try {
        await stop()
      } catch (error) {
        log.warn({ what, error: errorChain(error) }, 'a part did not stop cleanly')
      }
    }
  }
  try {
    return await start()
  } catch (error) {
    await stopAll()
    throw error
  }

  async function start(): Promise<ControlPlane> {
    const sql = openPostgres(settings.postgres)
    onStop('postgres', () => sql.end({ timeout: 1 }))
    await waitForPostgres(sql)
    const applied = await migrate(sql, MIGRATIONS_DIR)
    if (applied.length > 0) log.info({ migrations: applied }, 'the database was migrated')

    const clock = systemClock
    const metrics = createMetrics()
    const databaseDir = join(settings.dataDir, 'db')
    const secretBox = await openSecretBox(join(databaseDir, 'secret.key'))
    const authority = await openCertificateAuthority(databaseDir)
    const feed = createChangeFeed(() => openPostgres(settings.postgres, { poolMax: 1 }), log)
    await feed.start()
    onStop('change feed', () => feed.stop())

    const identity = createIdentityRoom({ sql, clock, settings })
    const tasks = createTasksRoom({ sql, feed })
    const processes = createProcessesRoom({ sql, feed })
    const hub = createSessionHub({ sql, feed, log, metrics, revokeProcessKeys: (tx, id) => deleteProcessKeys(tx, id as never) })
    hub.start()
    const ledger = createLoadLedger()
    const routes = createRouteFeed({ sql, feed, ledger, settings, log })
    await routes.start()
    onStop('routes', () => routes.stop())
    const idle = createIdleReconciler({ sql, feed, ledger, routes, settings, nowMs: () => performance.now() })
    const acquire = createAcquireProcess({ sql, feed, settings, log, metrics, given: (id) => idle.given(id) })

    const archives = createArchiveDirectory(settings.dataDir)
    const retention = startReconciler(
      'retention',
      RETENTION_TICK_MS,
      () => reconcileRetention({ sql, settings, removeArchive: (guid, id) => archives.remove(guid as ContentGuid, id), log }),
      log,
    )
    const liveness = startReconciler('liveness', LIVENESS_TICK_MS, () => reconcileLiveness({ sql, hub }), log)
    const scaling = startReconciler('idle', SCALING_TICK_MS, () => idle.round(), log)
    onStop('reconcilers', async () => {
      await Promise.all([liveness.stop(), scaling.stop(), retention.stop()])
    })

    const cluster = await startClusterListener({
      sql,
      authority,
      dataDir: settings.dataDir,
      log,
      listen: settings.clusterListen,
      session: agentSessionService({
        hub,
        secrets: createLaunchSecrets({
          sql,
          secretBox,
          defaultApiKeyEnv: settings.defaultApiKeyEnv,
          createProcessKey: (processId, ownerGuid) => identity.createProcessKey(processId as never, ownerGuid as never),
        }),
        log,
      }),
      logs: logService({ sql, feed, metrics, log }),
    })
    onStop('cluster listener', async () => {
      hub.stop()
      await cluster.stop()
    })
    const control = await startControlSocket(
      settings.controlSocket,
      routeService({
        routes,
        ledger,
        acquire,
        authorizeVisit: (question) => identity.authorizeVisit(question),
        snapshotInForce: () => scaling.kick(),
        log,
      }),
    )
    onStop('control socket', () => control.stop())

    const runner = createDeploymentRunner({ sql, feed, tasks, settings, publishRoutes: () => routes.publish(), log, metrics })
    const queue = startDeploymentQueue(settings.redis, (id) => runner.run(id), log)
    const rescan = startReconciler('deployments', DEPLOYMENT_RESCAN_MS, () => runner.rescan((id) => queue.ring(id)), log)
    onStop('jobs', async () => {
      await rescan.stop()
      await runner.stop()
      await queue.stop()
    })

    const rest = await startRest({
      settings,
      sql,
      clock,
      secretBox,
      identity,
      tasks,
      processes,
      metrics,
      log,
      // With Redis away the work starts here at once; the row is what counts.
      enqueueDeployment: (id) => void queue.ring(id).then((rung) => (rung ? undefined : runner.run(id))),
    })
    onStop('rest', () => rest.close())
    return { clusterPort: cluster.port, stop: stopAll }
  }

  async function waitForPostgres(sql: Sql): Promise<void> {
    const deadline = performance.now() + POSTGRES_START_WAIT_MS
    for (;;) {
      try {
        await sql`select 1`
        return
      } catch (error) {
        if (performance.now() > deadline) throw error
        log.info({ error: errorChain(error) }, 'waiting for the database')
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }
}
