import { hostname } from 'node:os'
import type { applicationSettings, SchedulerSettingsBody, serverSettings } from '@berth/api-contract/server-settings.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { isAppMode } from '@berth/domain/manifest/app-modes.js'
import { Controller, Get, Inject, Param } from '@nestjs/common'
import type { z } from 'zod'
import { Public } from '../http/request-context.js'
import { SERVER_SETTINGS_ROOM, SETTINGS } from '../http/tokens.js'
import { schedulerJson, serverSettingsJson } from './server-settings-json.js'
import type { ServerSettingsRoom } from './server-settings-room.js'

@Controller('/__api__')
export class ServerSettingsController {
  private readonly room: ServerSettingsRoom
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(SERVER_SETTINGS_ROOM) room: ServerSettingsRoom, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.room = room
    this.settings = settings
  }

  @Get('server_settings')
  @Public()
  async show(): Promise<z.infer<typeof serverSettings>> {
    const [pythons, rs] = await Promise.all([this.room.listVersions('python'), this.room.listVersions('r')])
    return serverSettingsJson(this.settings, hostname(), { python: pythons.length > 0, r: rs.length > 0 })
  }

  @Get('server_settings/applications')
  applications(): z.infer<typeof applicationSettings> {
    const { defaultAccount, sharedGroup } = this.settings.runAs
    return {
      access_types: ['acl', 'logged_in', 'all'],
      run_as: defaultAccount,
      run_as_group: sharedGroup ?? defaultAccount,
      run_as_current_user: false,
    }
  }

  @Get('server_settings/scheduler')
  scheduler(): SchedulerSettingsBody {
    return schedulerJson(this.settings.scheduler)
  }

  @Get('server_settings/scheduler/:mode')
  schedulerOf(@Param('mode') mode: string): SchedulerSettingsBody {
    if (!isAppMode(mode)) throw new AppError('not_found', `There is no content type "${mode.slice(0, 40)}".`, { apiCode: 4 })
    return schedulerJson(this.settings.scheduler)
  }

  @Get('v1/server_settings/python')
  async python(): Promise<object> {
    return { installations: installations(await this.room.listVersions('python')), api_enabled: true }
  }

  @Get('v1/server_settings/r')
  async r(): Promise<object> {
    return { installations: installations(await this.room.listVersions('r')) }
  }

  @Get('v1/server_settings/quarto')
  quarto(): object {
    return { installations: [] }
  }

  @Get('v1/server_settings/nodejs')
  nodejs(): object {
    return { installations: [], enabled: false }
  }

  @Get('v1/server_settings/tensorflow')
  tensorflow(): object {
    return { installations: [] }
  }
}

function installations(versions: readonly string[]): object[] {
  return versions.map((version) => ({ version, cluster_name: 'Local', image_name: 'Local' }))
}
