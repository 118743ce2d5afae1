import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { recordAudit } from '../audit/record-audit.js'
import type { Clock } from '../platform/clock.js'
import type { Sql } from '../platform/postgres.js'
import { createApiKey } from './change-api-keys.js'
import { addUser } from './change-users.js'
import { checkBootstrapToken } from './check-bootstrap-token.js'
import type { Passwords } from './password.js'
import type { User } from './user.store.js'

/** Clients' test suites look for this name. Source: publisher-api 1.4. */
const BOOTSTRAP_USERNAME = '__bootstrap_admin__'
/** Any number of ours: two bootstraps at once must not make two administrators. */
const BOOTSTRAP_LOCK = 7_305_480_231_102n

export type Bootstrapped =
  | { readonly kind: 'created'; readonly user: User; readonly apiKey: string }
  /** There are users: the server belongs to somebody. */
  | { readonly kind: 'already' }

export type TokenBootstrap = Bootstrapped | { readonly kind: 'disabled' } | { readonly kind: 'bad_token' }

/** The first administrator, with a key; once per installation. */
export async function bootstrapAdministrator(
  deps: { readonly sql: Sql; readonly passwords: Passwords },
  options: { readonly username?: string; readonly password?: string },
): Promise<Bootstrapped> {
  const passwordHash = options.password === undefined ? null : await deps.passwords.hash(options.password)
  return deps.sql.begin(async (tx): Promise<Bootstrapped> => {
    await tx`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`
    const anybody = await tx`select 1 from users limit 1`
    if (anybody.length > 0) return { kind: 'already' }
    const user = await addUser(tx, { username: options.username ?? BOOTSTRAP_USERNAME, role: 'administrator', passwordHash })
    const actor = { userGuid: user.guid, username: user.username, role: user.role }
    const { key } = await createApiKey(tx, actor, user.guid, 'bootstrap')
    await recordAudit(tx, {
      actor: null,
      action: 'bootstrap',
      description: `Made ${user.username} the first administrator`,
      detail: { user_guid: user.guid },
    })
    return { kind: 'created', user, apiKey: key }
  })
}

/** The token is checked first: whoever lacks the secret does not learn whether the server is taken. */
export async function bootstrapWithToken(
  deps: {
    readonly sql: Sql
    readonly passwords: Passwords
    readonly clock: Clock
    readonly settings: ControlPlaneSettings['bootstrap']
  },
  authorization: string | undefined,
): Promise<TokenBootstrap> {
  if (!deps.settings.enabled || deps.settings.secretKeyBase64 === null) return { kind: 'disabled' }
  const valid = await checkBootstrapToken(authorization, deps.settings.secretKeyBase64, deps.clock.now())
  return valid ? bootstrapAdministrator(deps, {}) : { kind: 'bad_token' }
}
