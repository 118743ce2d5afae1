import type { LegacyApplication } from '@berth/api-contract/legacy-application.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { publicUrl } from '../http/public-url.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM, SETTINGS } from '../http/tokens.js'
import { LEGACY_PAGE_SIZE_MAX } from '../rest-limits.js'
import { legacyApplicationJson } from './content-json.js'
import type { ContentRoom } from './content-room.js'

/** The unversioned look at content that R's client and numeric --app-id need. Source: publisher-api 2.3, legacy. */
@Controller('/__api__/applications')
export class ApplicationsController {
  private readonly contents: ContentRoom
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(CONTENT_ROOM) contents: ContentRoom, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.contents = contents
    this.settings = settings
  }

  /** `filter=name:x&filter=account_id:n`; an account_id other than the caller's own finds nothing. */
  @Get()
  async list(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Query() query: Record<string, unknown>,
  ): Promise<object> {
    const filters = [query.filter].flat().filter((text): text is string => typeof text === 'string')
    const value = (name: string): string | undefined =>
      filters.find((text) => text.startsWith(`${name}:`))?.slice(name.length + 1)
    const mine = value('account_id') === undefined ? {} : { ownerGuid: actor.userGuid }
    const name = value('name')
    const filter = { ...mine, ...(name === undefined ? {} : { name }) }
    const limit = Math.min(count(query.count) ?? LEGACY_PAGE_SIZE_MAX, LEGACY_PAGE_SIZE_MAX)
    const contents = await this.contents.list(actor, { ...filter, limit, offset: count(query.start) ?? count(query.offset) ?? 0 })
    const total = await this.contents.count(actor, filter)
    const url = publicUrl(request, this.settings.address)
    return {
      applications: contents.map((content) => legacyApplicationJson(content, url)),
      count: contents.length,
      total,
      continuation: '',
    }
  }

  @Get(':id')
  async get(@CurrentActor() actor: Actor, @Req() request: FastifyRequest, @Param('id') id: string): Promise<LegacyApplication> {
    if (/^\d{19,}$/.test(id)) throw new AppError('not_found', 'The content does not exist.', { apiCode: 4 })
    const content = /^\d+$/.test(id) ? await this.contents.getById(actor, BigInt(id)) : await this.contents.get(actor, id)
    return legacyApplicationJson(content, publicUrl(request, this.settings.address))
  }

  @Get(':id/config')
  async config(@CurrentActor() actor: Actor, @Req() request: FastifyRequest, @Param('id') id: string): Promise<object> {
    const { dashboard_url } = await this.get(actor, request, id)
    return { config_url: `${dashboard_url}/access`, logs_url: `${dashboard_url}/logs` }
  }
}

function count(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined
}
