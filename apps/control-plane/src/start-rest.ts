// Puts together the rooms that only the REST side uses, and opens its socket.
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { createAuditRoom } from './audit/audit-room.js'
import { createContentRoom } from './content/content-room.js'
import { createHttpApp, type HttpApp } from './http/create-http-app.js'
import type { IdentityRoom } from './identity/identity-room.js'
import type { Clock } from './platform/clock.js'
import type { Sql } from './platform/postgres.js'
import type { SecretBox } from './platform/secret-box.js'
import type { ProcessesRoom } from './processes/processes-room.js'
import { createPublishingRoom } from './publishing/publishing-room.js'
import { createServerSettingsRoom } from './server-settings/server-settings-room.js'
import type { TasksRoom } from './tasks/tasks-room.js'
import type { Log, Metrics } from './telemetry.js'

export interface RestSide {
  readonly settings: ControlPlaneSettings
  readonly sql: Sql
  readonly clock: Clock
  readonly secretBox: SecretBox
  readonly identity: IdentityRoom
  readonly tasks: TasksRoom
  readonly processes: ProcessesRoom
  readonly metrics: Pick<Metrics, 'registry'>
  readonly log: Log
  /** Rings the queue after the deployment's rows were committed; must not throw. */
  enqueueDeployment(deploymentId: string): void
}

export async function startRest(side: RestSide): Promise<HttpApp> {
  const { settings, sql, clock, tasks, processes, log } = side
  const publishing = createPublishingRoom({ sql, clock, tasks, settings, enqueueDeployment: side.enqueueDeployment })
  const removed = await publishing.sweepArchives()
  if (removed.length > 0) log.info({ removed }, 'removed what was left of broken uploads')
  const content = createContentRoom({ sql, secretBox: side.secretBox, processes, publishing, settings })
  return createHttpApp({
    settings,
    identity: side.identity,
    content,
    publishing,
    tasks,
    processes,
    serverSettings: createServerSettingsRoom({ sql }),
    audit: createAuditRoom({ sql }),
    metrics: side.metrics.registry,
    log,
  })
}
