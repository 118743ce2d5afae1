import type { contentsWithProcesses } from '@berth/api-contract/berth.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { isLive } from '@berth/domain/process/process-state.js'
import { Controller, Get, Inject, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { contentJson } from '../content/content-json.js'
import type { ContentRoom } from '../content/content-room.js'
import { publicUrl } from '../http/public-url.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM, PROCESSES_ROOM, SETTINGS } from '../http/tokens.js'
import { jobJson } from './job-json.js'
import type { ProcessesRoom } from './processes-room.js'

/** One call for a page that shows everything a person manages. */
@Controller('/__api__/berth/v1')
export class DashboardController {
  private readonly contents: ContentRoom
  private readonly processes: ProcessesRoom
  private readonly settings: ControlPlaneSettings

  constructor(
    @Inject(CONTENT_ROOM) contents: ContentRoom,
    @Inject(PROCESSES_ROOM) processes: ProcessesRoom,
    @Inject(SETTINGS) settings: ControlPlaneSettings,
  ) {
    this.contents = contents
    this.processes = processes
    this.settings = settings
  }

  @Get('contents')
  async list(@CurrentActor() actor: Actor, @Req() request: FastifyRequest): Promise<z.infer<typeof contentsWithProcesses>> {
    const url = publicUrl(request, this.settings.address)
    const managed = (await this.contents.list(actor, {})).filter((content) => content.app_role !== 'viewer')
    const answer: z.infer<typeof contentsWithProcesses> = []
    // One after the other: a page must not take every connection to the database.
    for (const content of managed) {
      const processes = (await this.processes.listJobs(content.guid)).filter((job) => isLive(job.phase)).map(jobJson)
      answer.push({ ...contentJson(content, url, { owner: true }), processes })
    }
    return answer
  }
}
