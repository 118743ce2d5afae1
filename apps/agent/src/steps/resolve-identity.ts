import { type RunAsPolicy, resolveRunAs, type UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import type { Users } from '../host/users.js'
import { DONE, nothingToUndo, type Step } from './step.js'

export interface AccountSettings {
  readonly defaultAccount: string
  /** Group name; null = primary group of the default account. */
  readonly sharedGroup: string | null
  readonly minUid: number
  /** Accounts and `@group`s; null = no further restriction. */
  readonly allow: readonly string[] | null
  readonly serviceAccounts: readonly string[]
  /** Their uids: the kernel only knows numbers, and an account may be one of them under another name. */
  readonly serviceUids: ReadonlySet<number>
}

/** No group has this id: with an unknown shared group nobody but the default account is in it. */
const NO_GROUP = -1

/**
 * The account, with all its groups, or a refusal. Decided here again from this host's own facts, whatever the control plane decided:
 * root, service accounts and accounts outside the shared group never run (R-060 to R-067, decision 20).
 */
export function resolveIdentity(settings: AccountSettings, users: Users): Step {
  return {
    name: 'resolve-identity',
    async start(run) {
      const name = run.spec.runAs === '' ? settings.defaultAccount : run.spec.runAs
      const user = await users.user(name)
      const decision = resolveRunAs(name, user, await gatherPolicy(settings, users, user))
      if (decision.kind === 'refuse') return { kind: 'refused', reason: decision.reason, message: decision.message }
      run.found.user = decision.user
      return DONE
    },
    undo: nothingToUndo,
  }
}

/** Has what will be asked looked up while something else is waited for: a look-up runs programs, which costs a start some milliseconds. */
export function lookUpEarly(settings: AccountSettings, users: Users, runAs: string): void {
  for (const early of [users.user(runAs), sharedGidOf(settings, users)]) early.catch(() => undefined)
}

async function gatherPolicy(settings: AccountSettings, users: Users, user: UnixUser | undefined): Promise<RunAsPolicy> {
  const [sharedGid, allowed] = await Promise.all([
    sharedGidOf(settings, users),
    settings.allow === null ? undefined : allowedAccounts(settings.allow, users),
  ])
  return {
    defaultAccount: settings.defaultAccount,
    sharedGid,
    sharedGroup: settings.sharedGroup,
    minUid: settings.minUid,
    reserved:
      user !== undefined && settings.serviceUids.has(user.uid)
        ? [...settings.serviceAccounts, user.name]
        : settings.serviceAccounts,
    ...(allowed === undefined ? {} : { allowed }),
  }
}

async function sharedGidOf(settings: AccountSettings, users: Users): Promise<number> {
  if (settings.sharedGroup !== null) return (await users.gidOfGroup(settings.sharedGroup)) ?? NO_GROUP
  return (await users.user(settings.defaultAccount))?.gid ?? NO_GROUP
}

async function allowedAccounts(allow: readonly string[], users: Users): Promise<string[]> {
  const lists = await Promise.all(allow.map((word) => (word.startsWith('@') ? users.membersOfGroup(word.slice(1)) : [word])))
  return lists.flat()
}
