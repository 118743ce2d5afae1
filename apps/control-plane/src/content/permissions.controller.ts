import { type Permission as PermissionBody, permissionCreate, permissionUpdate } from '@berth/api-contract/permission.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common'
import type { z } from 'zod'
import { readId } from '../http/page-query.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM } from '../http/tokens.js'
import type { ContentRoom } from './content-room.js'
import type { Permission } from './permissions.js'

@Controller('/__api__/v1/content/:guid/permissions')
export class PermissionsController {
  private readonly contents: ContentRoom

  constructor(@Inject(CONTENT_ROOM) contents: ContentRoom) {
    this.contents = contents
  }

  @Get()
  async list(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<PermissionBody[]> {
    return (await this.contents.listPermissions(actor, guid)).map(permissionJson)
  }

  @Post()
  @HttpCode(200)
  async add(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Body({ schema: permissionCreate }) body: z.infer<typeof permissionCreate>,
  ): Promise<PermissionBody> {
    const { principal_guid: principalGuid, principal_type: principalType, role } = body
    return permissionJson(await this.contents.addPermission(actor, guid, { principalGuid, principalType, role }))
  }

  @Get(':id')
  async get(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<PermissionBody> {
    return permissionJson(await this.contents.getPermission(actor, guid, readId(id)))
  }

  @Put(':id')
  async change(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('id') id: string,
    @Body({ schema: permissionUpdate }) body: z.infer<typeof permissionUpdate>,
  ): Promise<PermissionBody> {
    return permissionJson(await this.contents.changePermission(actor, guid, readId(id), body.role))
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<void> {
    await this.contents.removePermission(actor, guid, readId(id))
  }
}

function permissionJson(permission: Permission): PermissionBody {
  return {
    id: String(permission.id),
    content_guid: permission.contentGuid,
    principal_guid: permission.principalGuid,
    principal_type: permission.principalType,
    role: permission.role,
  }
}
