import {
  type Content as ContentBody,
  type ContentCreate,
  type ContentPatch,
  contentCreate,
  contentPatch,
  contentQuery,
  contentSearchQuery,
  includeQuery,
} from '@berth/api-contract/content.js'
import { maybe } from '@berth/api-contract/scalars.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { readPage } from '../http/page-query.js'
import { publicUrl } from '../http/public-url.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM, SETTINGS } from '../http/tokens.js'
import { SEARCH_WORDS_MAX } from '../rest-limits.js'
import type { Content } from './content.store.js'
import { contentJson } from './content-json.js'
import type { ContentRoom } from './content-room.js'
import type { SettingsChange } from './settings-change.js'

@Controller('/__api__/v1')
export class ContentController {
  private readonly contents: ContentRoom
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(CONTENT_ROOM) contents: ContentRoom, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.contents = contents
    this.settings = settings
  }

  @Get('content')
  async list(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Query({ schema: contentQuery }) query: z.infer<typeof contentQuery>,
  ): Promise<ContentBody[]> {
    const include = readInclude(query.include)
    const contents = await this.contents.list(actor, { name: query.name, ownerGuid: query.owner_guid })
    return contents.map((content) => this.json(content, request, include))
  }

  @Get('search/content')
  async search(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Query({ schema: contentSearchQuery }) query: z.infer<typeof contentSearchQuery>,
  ): Promise<object> {
    const include = readInclude(query.include)
    const page = readPage(query)
    const terms = (query.q ?? '')
      .split(/\s+/)
      .filter((term) => term !== '')
      .slice(0, SEARCH_WORDS_MAX)
    const filter = {
      words: terms.filter((term) => !term.includes(':')),
      ...(terms.includes('owner:@me') ? { ownerGuid: actor.userGuid } : {}),
    }
    const contents = await this.contents.list(actor, { ...filter, limit: page.size, offset: page.offset })
    const total = await this.contents.count(actor, filter)
    return { results: contents.map((content) => this.json(content, request, include)), current_page: page.number, total }
  }

  @Post('content')
  @HttpCode(200)
  async create(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Body({ schema: maybe(contentCreate) }) body: ContentCreate | undefined,
  ): Promise<ContentBody> {
    const content = await this.contents.create(actor, {
      name: body?.name ?? undefined,
      settings: settingsOf(body ?? {}),
      runAs: body?.run_as,
    })
    return this.json(content, request, false)
  }

  @Get('content/:guid')
  async get(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('guid') guid: string,
    @Query({ schema: includeQuery }) query: z.infer<typeof includeQuery>,
  ): Promise<ContentBody> {
    const content = await this.contents.get(actor, guid)
    reply.header('etag', `"${content.generation}"`)
    return this.json(content, request, readInclude(query.include))
  }

  @Patch('content/:guid')
  async change(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('guid') guid: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: maybe(contentPatch) }) body: ContentPatch | undefined,
  ): Promise<ContentBody> {
    const content = await this.contents.change(actor, guid, {
      name: body?.name ?? undefined,
      ownerGuid: body?.owner_guid,
      runAs: body?.run_as,
      runAsCurrentUser: body?.run_as_current_user,
      settings: settingsOf(body ?? {}),
      ifGeneration: readIfMatch(ifMatch),
    })
    reply.header('etag', `"${content.generation}"`)
    return this.json(content, request, false)
  }

  @Delete('content/:guid')
  @HttpCode(204)
  async remove(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<void> {
    await this.contents.remove(actor, guid)
  }

  private json(content: Content, request: FastifyRequest, owner: boolean): ContentBody {
    return contentJson(content, publicUrl(request, this.settings.address), { owner })
  }
}

/** Whether the owner is wanted. Tags and vanity paths may be asked for; there are none yet, and then the keys are absent. */
function readInclude(text: string | undefined): boolean {
  const asked = (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const unknown = asked.find((word) => !['owner', 'tags', 'vanity_url'].includes(word))
  if (unknown !== undefined) {
    throw new AppError('invalid', `include knows owner, tags and vanity_url, not "${unknown.slice(0, 40)}".`, { apiCode: 161 })
  }
  return asked.includes('owner')
}

function settingsOf(body: Partial<ContentCreate>): SettingsChange {
  const { memory_request, memory_limit, amd_gpu_limit, nvidia_gpu_limit, ...rest } = body
  const { name: _name, run_as: _runAs, ...settings } = rest as Partial<ContentPatch>
  const { owner_guid: _owner, run_as_current_user: _current, ...plain } = settings
  return {
    ...plain,
    memory_request: wholeOrNull(memory_request),
    memory_limit: wholeOrNull(memory_limit),
    amd_gpu_limit: wholeOrNull(amd_gpu_limit),
    nvidia_gpu_limit: wholeOrNull(nvidia_gpu_limit),
  } as SettingsChange
}

function wholeOrNull(value: number | null | undefined): bigint | null | undefined {
  return value === null || value === undefined ? value : BigInt(Math.floor(value))
}

function readIfMatch(header: string | undefined): bigint | undefined {
  const match = /^(?:W\/)?"(\d{1,18})"$/.exec(header ?? '')
  return match?.[1] === undefined ? undefined : BigInt(match[1])
}
