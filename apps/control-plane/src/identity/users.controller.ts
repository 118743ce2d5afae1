import { whoAmI } from '@berth/api-contract/berth.js'
import { apiKeyCreate, userCreate, userLock, usersQuery, userUpdate } from '@berth/api-contract/user.js'
import { type Actor, USER_ROLES } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { UserGuid } from '@berth/domain/ids.js'
import { isUuid } from '@berth/domain/ids.js'
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { readId, readPage } from '../http/page-query.js'
import { CurrentActor, Public } from '../http/request-context.js'
import { IDENTITY_ROOM } from '../http/tokens.js'
import type { IdentityRoom } from './identity-room.js'
import type { User } from './user.store.js'
import { apiKeyJson, currentUserJson, userJson } from './user-json.js'

@Controller('/__api__')
export class UsersController {
  private readonly identity: IdentityRoom

  constructor(@Inject(IDENTITY_ROOM) identity: IdentityRoom) {
    this.identity = identity
  }

  @Get(['v1/user', 'me'])
  async me(@CurrentActor() actor: Actor): Promise<object> {
    return currentUserJson(await this.requireUser(actor.userGuid))
  }

  @Get('users/current')
  async legacyMe(@CurrentActor() actor: Actor): Promise<object> {
    const user = await this.requireUser(actor.userGuid)
    return { ...currentUserJson(user), id: Number(user.id) }
  }

  @Get('berth/v1/whoami')
  async whoAmI(@CurrentActor() actor: Actor, @Req() request: FastifyRequest): Promise<z.infer<typeof whoAmI>> {
    const { caller } = request
    const xsrf = caller?.kind === 'user' && caller.by === 'session' ? caller.xsrfToken : null
    return { user: currentUserJson(await this.requireUser(actor.userGuid)), xsrf }
  }

  @Post(['v1/experimental/bootstrap', 'v1/bootstrap'])
  @HttpCode(200)
  @Public({ credential: 'own' })
  async bootstrap(@Req() request: FastifyRequest): Promise<object> {
    const result = await this.identity.bootstrapWithToken(request.headers.authorization)
    switch (result.kind) {
      case 'created':
        return { api_key: result.apiKey }
      case 'disabled':
        throw new AppError('not_found', 'Bootstrapping is switched off on this server.')
      case 'bad_token':
        throw new AppError(
          'unauthenticated',
          'The bootstrap token is missing, expired or not made with the secret of this server.',
          { apiCode: 166 },
        )
      case 'already':
        throw new AppError('forbidden', 'The server has users already: it can be bootstrapped only once.', { apiCode: 165 })
    }
  }

  @Get('v1/users')
  async list(@Query({ schema: usersQuery }) query: z.infer<typeof usersQuery>): Promise<object> {
    const page = readPage(query)
    const status = query.account_status?.split('|') ?? []
    const roles =
      query.user_role === undefined ? undefined : USER_ROLES.filter((role) => query.user_role?.split('|').includes(role))
    if (roles?.length === 0) throw new AppError('invalid', 'user_role is viewer, publisher or administrator.', { apiCode: 32 })
    const { users, total } = await this.identity.listUsers({
      prefix: query.prefix === '' ? undefined : query.prefix,
      roles,
      // licensed and inactive users are both unlocked here: nothing expires an account.
      locked: status.length === 0 || (status.includes('locked') && status.length > 1) ? undefined : status.includes('locked'),
      ascending: query.asc_order !== 'false',
      limit: page.size,
      offset: page.offset,
    })
    return { results: users.map(userJson), current_page: page.number, total }
  }

  @Post('v1/users')
  @HttpCode(200)
  async create(@CurrentActor() actor: Actor, @Body({ schema: userCreate }) body: z.infer<typeof userCreate>): Promise<object> {
    requireAdministrator(actor)
    const user = await this.identity.createUser(actor, {
      username: body.username,
      email: body.email ?? undefined,
      firstName: body.first_name ?? undefined,
      lastName: body.last_name ?? undefined,
      role: body.user_role ?? 'publisher',
      password: body.password ?? undefined,
    })
    return userJson(user)
  }

  @Get('v1/users/:guid')
  async get(@Param('guid') guid: string): Promise<object> {
    return userJson(await this.requireUser(guid))
  }

  @Put('v1/users/:guid')
  async update(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Body({ schema: userUpdate }) body: z.infer<typeof userUpdate>,
  ): Promise<object> {
    const user = await this.identity.changeUser(actor, guid, {
      ...(body.username == null ? {} : { username: body.username }),
      ...(body.email == null ? {} : { email: body.email }),
      ...(body.first_name == null ? {} : { firstName: body.first_name }),
      ...(body.last_name == null ? {} : { lastName: body.last_name }),
      ...(body.user_role == null ? {} : { role: body.user_role }),
    })
    return userJson(user)
  }

  @Post('v1/users/:guid/lock')
  @HttpCode(200)
  async lock(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Body({ schema: userLock }) body: z.infer<typeof userLock>,
  ): Promise<object> {
    requireAdministrator(actor)
    return userJson(await this.identity.setUserLocked(actor, guid, body.locked))
  }

  @Get('v1/users/:guid/keys')
  async keys(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<object> {
    return (await this.identity.listApiKeys(await this.keyOwner(actor, guid))).map(apiKeyJson)
  }

  @Post('v1/users/:guid/keys')
  @HttpCode(200)
  async addKey(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Req() request: FastifyRequest,
    @Body({ schema: apiKeyCreate }) body: z.infer<typeof apiKeyCreate>,
  ): Promise<object> {
    const owner = await this.keyOwner(actor, guid)
    // A key is forever, a process is not: content cannot outlive its own stop in this way.
    if (request.caller?.kind === 'user' && request.caller.by === 'process_key') {
      throw new AppError('forbidden', 'Running content cannot create API keys.', { apiCode: 22 })
    }
    if (owner !== actor.userGuid)
      throw new AppError('forbidden', 'API keys are created by their users themselves.', { apiCode: 22 })
    const key = await this.identity.createApiKey(actor, owner, body.name)
    return { ...apiKeyJson(key), key: key.key }
  }

  @Get('v1/users/:guid/keys/:id')
  async key(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<object> {
    const keys = await this.identity.listApiKeys(await this.keyOwner(actor, guid))
    const key = keys.find((candidate) => candidate.id === readId(id))
    if (key === undefined) throw new AppError('not_found', 'The API key does not exist.', { apiCode: 4 })
    return apiKeyJson(key)
  }

  @Delete('v1/users/:guid/keys/:id')
  @HttpCode(204)
  async removeKey(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('id') id: string): Promise<void> {
    const removed = await this.identity.deleteApiKey(actor, await this.keyOwner(actor, guid), readId(id))
    if (!removed) throw new AppError('not_found', 'The API key does not exist.', { apiCode: 4 })
  }

  private async requireUser(guid: string): Promise<User> {
    const user = isUuid(guid) ? await this.identity.findUser(guid) : undefined
    if (user === undefined) throw new AppError('not_found', 'The user does not exist.', { apiCode: 4 })
    return user
  }

  /** One's own keys; administrators see and delete everybody's. */
  private async keyOwner(actor: Actor, guid: string): Promise<UserGuid> {
    if (guid !== actor.userGuid && actor.role !== 'administrator') {
      throw new AppError('forbidden', 'These are the API keys of somebody else.', { apiCode: 22 })
    }
    return (await this.requireUser(guid)).guid
  }
}

function requireAdministrator(actor: Actor): void {
  if (actor.role !== 'administrator') throw new AppError('forbidden', 'Only an administrator can do this.', { apiCode: 22 })
}
