import { environmentChanges } from '@berth/api-contract/environment.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { Body, Controller, Get, Inject, Param, Patch, Put } from '@nestjs/common'
import type { z } from 'zod'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM } from '../http/tokens.js'
import type { ContentRoom } from './content-room.js'

/** Names only: a value that was set is never given out again. */
@Controller('/__api__/v1/content/:guid/environment')
export class EnvironmentController {
  private readonly contents: ContentRoom

  constructor(@Inject(CONTENT_ROOM) contents: ContentRoom) {
    this.contents = contents
  }

  @Get()
  list(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<readonly string[]> {
    return this.contents.listVariableNames(actor, guid)
  }

  @Patch()
  change(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Body({ schema: environmentChanges }) changes: z.infer<typeof environmentChanges>,
  ): Promise<readonly string[]> {
    return this.contents.changeVariables(actor, guid, changes, { replace: false })
  }

  @Put()
  replace(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Body({ schema: environmentChanges }) changes: z.infer<typeof environmentChanges>,
  ): Promise<readonly string[]> {
    return this.contents.changeVariables(actor, guid, changes, { replace: true })
  }
}
