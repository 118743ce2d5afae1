import { type Bundle as BundleBody, deployBody } from '@berth/api-contract/bundle.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { readId } from '../http/page-query.js'
import { CurrentActor, TraceParent } from '../http/request-context.js'
import { PUBLISHING_ROOM } from '../http/tokens.js'
import { bundleJson } from './bundle-json.js'
import type { PublishingRoom } from './publishing-room.js'
import { readUpload } from './read-upload.js'

@Controller('/__api__/v1/content/:guid')
export class BundlesController {
  private readonly publishing: PublishingRoom

  constructor(@Inject(PUBLISHING_ROOM) publishing: PublishingRoom) {
    this.publishing = publishing
  }

  /** The body is left unread until here (http/read-body.ts): it streams to disk. */
  @Post('bundles')
  @HttpCode(200)
  async upload(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Req() request: FastifyRequest): Promise<BundleBody> {
    return bundleJson(await readUpload(request, (source, use) => this.publishing.uploadBundle(actor, guid, source, use)))
  }

  @Get('bundles')
  async list(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<BundleBody[]> {
    return (await this.publishing.listBundles(actor, guid)).map(bundleJson)
  }

  @Get('bundles/:id')
  async get(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<BundleBody> {
    return bundleJson(await this.publishing.getBundle(actor, guid, readId(id)))
  }

  @Delete('bundles/:id')
  @HttpCode(204)
  async remove(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<void> {
    await this.publishing.deleteBundle(actor, guid, readId(id))
  }

  @Get('bundles/:id/download')
  async download(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('id') id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { bundle, stream } = await this.publishing.openArchive(actor, guid, readId(id))
    await reply
      .headers({
        'content-type': 'application/gzip',
        'content-length': String(bundle.archiveBytes),
        'content-disposition': `attachment; filename="bundle-${bundle.id}.tar.gz"`,
        etag: `"${bundle.archiveSha256}"`,
      })
      .send(stream)
  }

  @Post('deploy')
  @HttpCode(202)
  async deploy(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @TraceParent() traceparent: string,
    @Body({ schema: deployBody }) body: z.infer<typeof deployBody>,
  ): Promise<{ task_id: string }> {
    const taskId = await this.publishing.requestDeploy(actor, guid, {
      bundleId: body?.bundle_id ?? null,
      activate: body?.activate ?? true,
      traceparent,
    })
    return { task_id: taskId }
  }
}
