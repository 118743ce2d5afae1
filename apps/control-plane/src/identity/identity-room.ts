// Identity: users, their passwords, API keys and sessions; who is calling.
// Owns the tables users, groups, group_members, sessions, api_keys, sign_in_attempts.
// Promises that no secret is stored in the clear and that no answer tells whether an account exists.
// Leaves to others: what a caller may do with content (packages/domain access/, access/), cookies and headers (http/).

import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor, UserRole } from '@berth/domain/access/actor.js'
import { authorize } from '@berth/domain/access/authorize.js'
import { decideVisit, type VisitDecision, type Visitor } from '@berth/domain/access/decide-visit.js'
import type { ProcessId, UserGuid } from '@berth/domain/ids.js'
import { loadContentAccess } from '../access/content-access.js'
import { VISIT_CACHE_MS_MAX } from '../limits.js'
import type { Clock } from '../platform/clock.js'
import type { Sql } from '../platform/postgres.js'
import { newApiKey, sha256 } from './api-key.js'
import { type ApiKeyRow, deleteProcessKeys, findKeyHolder, insertApiKey, listApiKeys } from './api-key.store.js'
import { type Bootstrapped, bootstrapAdministrator, bootstrapWithToken, type TokenBootstrap } from './bootstrap.js'
import { createApiKey, deleteApiKeyOf } from './change-api-keys.js'
import { type ChangedUser, changeUser, createUser, type NewUser, resetPassword, setUserLocked } from './change-users.js'
import { groupNamesOf } from './group.store.js'
import { createPasswords } from './password.js'
import type { Credential } from './read-credential.js'
import { findSessionHolder } from './session.store.js'
import { type SignedIn, signIn, signOut } from './sign-in.js'
import { findUser, findUserByName, listUsers, type User, type UserFilter } from './user.store.js'

/** Who calls. `locked` and `invalid` are refused everywhere, also where nobody needs a credential. */
export type Caller =
  | { readonly kind: 'anonymous'; readonly expiredSession: boolean }
  | { readonly kind: 'user'; readonly actor: Actor; readonly by: 'api_key' | 'process_key' }
  | { readonly kind: 'user'; readonly actor: Actor; readonly by: 'session'; readonly xsrfToken: string }
  | { readonly kind: 'locked' }
  | { readonly kind: 'invalid'; readonly why: string }

export interface VisitQuestion {
  readonly contentGuid: string
  /** 0 = the active bundle; else the one that the visitor asks for. */
  readonly bundleId: bigint
  /** Digests, as the gateway sends them. */
  readonly credential: { readonly kind: 'none' } | { readonly kind: 'session' | 'api_key'; readonly sha256: Uint8Array }
}

export interface VisitAnswer {
  readonly decision: VisitDecision
  readonly visitor: { readonly userGuid: UserGuid; readonly username: string; readonly groups: readonly string[] } | undefined
  readonly cacheMs: number
  readonly maySeeLog: boolean
}

export interface IdentityRoom {
  authenticate(credential: Credential): Promise<Caller>
  authorizeVisit(question: VisitQuestion): Promise<VisitAnswer>

  createUser(by: Actor | null, user: NewUser): Promise<User>
  changeUser(by: Actor, guid: string, change: ChangedUser): Promise<User>
  setUserLocked(by: Actor | null, guid: string, locked: boolean): Promise<User>
  /** Ends the user's sessions. by: null = the operator on the command line. */
  setPassword(by: Actor | null, username: string, password: string): Promise<void>
  findUser(guid: string): Promise<User | undefined>
  findUserByName(username: string): Promise<User | undefined>
  listUsers(filter: UserFilter): Promise<{ users: User[]; total: number }>

  /** The first administrator; `already` once any user exists. */
  bootstrapAdministrator(options?: { readonly username?: string; readonly password?: string }): Promise<Bootstrapped>
  bootstrapWithToken(authorization: string | undefined): Promise<TokenBootstrap>

  signIn(attempt: { readonly username: string; readonly password: string; readonly address: string }): Promise<SignedIn>
  signOut(token: string): Promise<void>

  createApiKey(by: Actor | null, userGuid: UserGuid, name: string): Promise<ApiKeyRow & { readonly key: string }>
  listApiKeys(userGuid: UserGuid): Promise<readonly ApiKeyRow[]>
  deleteApiKey(by: Actor, userGuid: UserGuid, id: bigint): Promise<boolean>

  /**
   * The key that a process finds in its environment: speaks for the content's owner, at most as a publisher, and only
   * while the process lives. Asked again (the agent repeats a launch), it replaces the one before.
   */
  createProcessKey(processId: ProcessId, ownerGuid: UserGuid): Promise<string>
  revokeProcessKey(processId: ProcessId): Promise<void>
}

export interface IdentityDeps {
  readonly sql: Sql
  readonly clock: Clock
  readonly settings: Pick<ControlPlaneSettings, 'authentication' | 'bootstrap'>
}

export function createIdentityRoom(deps: IdentityDeps): IdentityRoom {
  const { sql, clock, settings } = deps
  const passwords = createPasswords()
  const inactivityMs = settings.authentication.inactivityMs
  const keyHolder = async (digest: Buffer): Promise<Caller> => {
    const holder = await findKeyHolder(sql, digest)
    if (holder === undefined) return { kind: 'invalid', why: 'The API key is not valid.' }
    if (holder.user.locked) return { kind: 'locked' }
    // What runs as content must not become administrator because its owner is one.
    const role: UserRole = holder.ofProcess && holder.user.role === 'administrator' ? 'publisher' : holder.user.role
    const actor: Actor = { userGuid: holder.user.guid, username: holder.user.username, role }
    return { kind: 'user', actor, by: holder.ofProcess ? 'process_key' : 'api_key' }
  }
  const sessionHolder = async (digest: Buffer): Promise<Caller> => {
    const holder = await findSessionHolder(sql, digest, { now: clock.now(), inactivityMs })
    if (holder === undefined || holder.user.locked) return { kind: 'anonymous', expiredSession: true }
    const actor: Actor = { userGuid: holder.user.guid, username: holder.user.username, role: holder.user.role }
    return { kind: 'user', actor, by: 'session', xsrfToken: holder.xsrfToken }
  }

  return {
    async authenticate(credential) {
      switch (credential.kind) {
        case 'none':
          return { kind: 'anonymous', expiredSession: false }
        case 'unusable':
          return { kind: 'invalid', why: credential.why }
        case 'api_key':
          return keyHolder(sha256(credential.key))
        case 'session':
          return sessionHolder(sha256(credential.token))
      }
    },

    async authorizeVisit(question) {
      const { credential } = question
      const digest = credential.kind === 'none' ? undefined : Buffer.from(credential.sha256)
      const caller: Caller =
        digest === undefined
          ? { kind: 'anonymous', expiredSession: false }
          : await (credential.kind === 'api_key' ? keyHolder(digest) : sessionHolder(digest))
      const visitor: Visitor =
        caller.kind === 'user'
          ? { kind: 'user', actor: caller.actor }
          : { kind: caller.kind === 'anonymous' ? 'anonymous' : 'bad_key' }
      const actor = caller.kind === 'user' ? caller.actor : undefined
      const facts = await loadContentAccess(sql, question.contentGuid, actor?.userGuid ?? null)
      const draft = question.bundleId !== 0n && question.bundleId !== facts?.bundleId
      const decision = decideVisit(visitor, facts, { draft })
      return {
        decision,
        visitor:
          actor === undefined
            ? undefined
            : { userGuid: actor.userGuid, username: actor.username, groups: await groupNamesOf(sql, actor.userGuid) },
        cacheMs: VISIT_CACHE_MS_MAX,
        maySeeLog: actor !== undefined && facts !== undefined && authorize(actor, facts, 'read_log'),
      }
    },

    createUser: (by, user) => createUser({ sql, passwords }, by, user),
    changeUser: (by, guid, change) => changeUser(sql, by, guid, change),
    setUserLocked: (by, guid, locked) => setUserLocked(sql, by, guid, locked),
    setPassword: (by, username, password) => resetPassword({ sql, passwords }, by, username, password),
    findUser: (guid) => findUser(sql, guid),
    findUserByName: (username) => findUserByName(sql, username),
    listUsers: (filter) => listUsers(sql, filter),

    bootstrapAdministrator: (options = {}) => bootstrapAdministrator({ sql, passwords }, options),
    bootstrapWithToken: (authorization) =>
      bootstrapWithToken({ sql, passwords, clock, settings: settings.bootstrap }, authorization),

    signIn: (attempt) => signIn({ sql, passwords, clock, lifetimeMs: settings.authentication.lifetimeMs }, attempt),
    signOut: (token) => signOut(sql, token),

    createApiKey: (by, userGuid, name) => sql.begin((tx) => createApiKey(tx, by, userGuid, name)),
    listApiKeys: (userGuid) => listApiKeys(sql, userGuid),
    deleteApiKey: (by, userGuid, id) => deleteApiKeyOf(sql, by, userGuid, id),

    async createProcessKey(processId, ownerGuid) {
      const key = newApiKey()
      await sql.begin(async (tx) => {
        await deleteProcessKeys(tx, processId)
        await insertApiKey(tx, {
          userGuid: ownerGuid,
          name: `process ${processId}`,
          sha256: sha256(key),
          hint: key.slice(-4),
          processId,
        })
      })
      return key
    },
    revokeProcessKey: (processId) => deleteProcessKeys(sql, processId),
  }
}
