import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { type DynamicModule, Module } from '@nestjs/common'
import type { Registry } from 'prom-client'
import { AuditController } from './audit/audit.controller.js'
import type { AuditRoom } from './audit/audit-room.js'
import { ApplicationsController } from './content/applications.controller.js'
import { ContentController } from './content/content.controller.js'
import type { ContentRoom } from './content/content-room.js'
import { EnvironmentController } from './content/environment.controller.js'
import { PermissionsController } from './content/permissions.controller.js'
import { HealthController } from './http/health.controller.js'
import {
  AUDIT_ROOM,
  CONTENT_ROOM,
  IDENTITY_ROOM,
  METRICS_REGISTRY,
  PROCESSES_ROOM,
  PUBLISHING_ROOM,
  SERVER_SETTINGS_ROOM,
  SETTINGS,
  TASKS_ROOM,
} from './http/tokens.js'
import type { IdentityRoom } from './identity/identity-room.js'
import { LoginController } from './identity/login.controller.js'
import { UsersController } from './identity/users.controller.js'
import { DashboardController } from './processes/dashboard.controller.js'
import { JobsController } from './processes/jobs.controller.js'
import type { ProcessesRoom } from './processes/processes-room.js'
import { BundlesController } from './publishing/bundles.controller.js'
import type { PublishingRoom } from './publishing/publishing-room.js'
import { ServerSettingsController } from './server-settings/server-settings.controller.js'
import type { ServerSettingsRoom } from './server-settings/server-settings-room.js'
import { TasksController } from './tasks/tasks.controller.js'
import type { TasksRoom } from './tasks/tasks-room.js'

export interface RestDeps {
  readonly settings: ControlPlaneSettings
  readonly identity: IdentityRoom
  readonly content: ContentRoom
  readonly publishing: PublishingRoom
  readonly tasks: TasksRoom
  readonly processes: ProcessesRoom
  readonly serverSettings: ServerSettingsRoom
  readonly audit: AuditRoom
  readonly metrics: Registry
}

/** Wiring only: rooms come in ready-made, controllers ask for them by token. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's form of a module that is given its providers
export class AppModule {
  static register(deps: RestDeps): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        HealthController,
        LoginController,
        UsersController,
        ServerSettingsController,
        ContentController,
        EnvironmentController,
        PermissionsController,
        ApplicationsController,
        BundlesController,
        TasksController,
        JobsController,
        DashboardController,
        AuditController,
      ],
      providers: [
        { provide: SETTINGS, useValue: deps.settings },
        { provide: IDENTITY_ROOM, useValue: deps.identity },
        { provide: CONTENT_ROOM, useValue: deps.content },
        { provide: PUBLISHING_ROOM, useValue: deps.publishing },
        { provide: TASKS_ROOM, useValue: deps.tasks },
        { provide: PROCESSES_ROOM, useValue: deps.processes },
        { provide: SERVER_SETTINGS_ROOM, useValue: deps.serverSettings },
        { provide: AUDIT_ROOM, useValue: deps.audit },
        { provide: METRICS_REGISTRY, useValue: deps.metrics },
      ],
    }
  }
}
