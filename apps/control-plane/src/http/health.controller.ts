import { openApiDocument } from '@berth/api-contract/open-api.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { Controller, Get, Header, Inject, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import { sendUnknownRoute } from './error.filter.js'
import { publicUrl } from './public-url.js'
import { Public } from './request-context.js'
import { METRICS_REGISTRY, SETTINGS } from './tokens.js'

@Controller()
@Public()
export class HealthController {
  private readonly metrics: Registry
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(METRICS_REGISTRY) metrics: Registry, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.metrics = metrics
    this.settings = settings
  }

  @Get('/__ping__')
  ping(): object {
    return {}
  }

  @Get('/metrics')
  async scrape(@Res() reply: FastifyReply): Promise<void> {
    await reply.header('content-type', this.metrics.contentType).send(await this.metrics.metrics())
  }

  @Get('/__docs__/openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  openApi(@Req() request: FastifyRequest): object {
    const { origin, prefix } = publicUrl(request, this.settings.address)
    return openApiDocument({ version: this.settings.apiVersion, serverUrl: `${origin}${prefix}` })
  }

  /** No OAuth here: clients fall back to keys when it is 404 (publisher-api 1.6). */
  @Get('/.well-known/*')
  wellKnown(@Res() reply: FastifyReply): void {
    sendUnknownRoute(reply)
  }
}
