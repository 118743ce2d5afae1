/** Facts of one host about an account, gathered by the agent's host room. */
export interface UnixUser {
  readonly name: string
  readonly uid: number
  /** Primary group. */
  readonly gid: number
  /** Primary and supplementary groups. */
  readonly gids: readonly number[]
  /** Home directory as in the password database; may not exist. */
  readonly home: string
  readonly shell: string
}

export interface RunAsPolicy {
  /** Applications.RunAs */
  readonly defaultAccount: string
  /** gid of SharedRunAsUnixGroup: by default the primary group of the default account. */
  readonly sharedGid: number
  /** Its name, for messages. */
  readonly sharedGroup?: string | null
  /** Applications.RunAsMinUid; does not bind the default account. */
  readonly minUid: number
  /** Accounts of our own services, which can never run content (decision 15). */
  readonly reserved: readonly string[]
  /** Agent.AllowRunAs: accounts or `@group` names resolved to accounts; undefined = no further restriction. */
  readonly allowed?: readonly string[]
}

export type RunAsRefusal = 'unknown_user' | 'root' | 'reserved_user' | 'below_uid_min' | 'not_in_group' | 'not_allowed'

export type RunAsDecision =
  | { readonly kind: 'run'; readonly user: UnixUser; readonly because: 'default' | 'content' }
  | { readonly kind: 'refuse'; readonly reason: RunAsRefusal; readonly message: string }

/**
 * The account that a process runs under, or why it does not run. There is no fallback account (decision 20).
 * asked: null or empty = the default account. user: what the host says of the asked account; undefined = not known.
 * Source.
 */
export function resolveRunAs(asked: string | null, user: UnixUser | undefined, policy: RunAsPolicy): RunAsDecision {
  const name = asked === null || asked === '' ? policy.defaultAccount : asked
  const refuse = (reason: RunAsRefusal, message: string): RunAsDecision => ({ kind: 'refuse', reason, message })
  if (user === undefined || user.name !== name) return refuse('unknown_user', `this host has no account "${name}"`)
  if (user.uid === 0 || user.gid === 0 || user.gids.includes(0)) {
    return refuse('root', `"${name}" is root or in root's group: content never runs as root`)
  }
  if (policy.reserved.includes(name)) return refuse('reserved_user', `"${name}" is an account of the server's own services`)
  const isDefault = name === policy.defaultAccount
  if (!isDefault && user.uid < policy.minUid) {
    return refuse('below_uid_min', `"${name}" has uid ${user.uid}, below Applications.RunAsMinUid ${policy.minUid}`)
  }
  if (!isDefault && user.gid !== policy.sharedGid && !user.gids.includes(policy.sharedGid)) {
    const group = policy.sharedGroup == null ? `gid ${policy.sharedGid}` : `"${policy.sharedGroup}"`
    return refuse('not_in_group', `"${name}" is not a member of the shared group (${group})`)
  }
  if (!isDefault && policy.allowed !== undefined && !policy.allowed.includes(name)) {
    return refuse('not_allowed', `"${name}" is not among Agent.AllowRunAs of this host`)
  }
  return { kind: 'run', user, because: isDefault ? 'default' : 'content' }
}
