import type { UserRole } from '../access/actor.js'
import { type RunAsPolicy, type RunAsRefusal, resolveRunAs, type UnixUser } from './resolve-run-as.js'

/** Letters, digits and what directories of large sites use; never a leading dash, so that it cannot be read as an option. */
const ACCOUNT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@\\$+-]{0,255}$/

export type RunAsChange =
  | { readonly kind: 'allow'; readonly runAs: string | null }
  | { readonly kind: 'refuse'; readonly apiCode: 22 | 55 | 56 | 57 | 58; readonly forbidden: boolean; readonly message: string }

/**
 * May this actor give content that account? asked: null or '' = back to Applications.RunAs.
 * user: what this host says of the asked account. The agent checks again where the process starts.
 * Source, codes 55 to 58 of publisher-api 1.9.
 */
export function authorizeRunAsChange(
  actorRole: UserRole,
  asked: string | null,
  facts: { readonly appMode: string; readonly user: UnixUser | undefined },
  policy: RunAsPolicy,
): RunAsChange {
  const refuse = (apiCode: 55 | 56 | 57 | 58, message: string): RunAsChange => ({
    kind: 'refuse',
    apiCode,
    forbidden: false,
    message,
  })
  if (actorRole !== 'administrator') {
    return {
      kind: 'refuse',
      apiCode: 22,
      forbidden: true,
      message: 'Only an administrator can change the account that content runs as.',
    }
  }
  if (asked === null || asked === '') return { kind: 'allow', runAs: null }
  if (facts.appMode === 'static') return refuse(55, 'Static content runs no code: it has no account to run as.')
  if (!isAccountName(asked)) return refuse(57, 'That is not the name of an account.')
  const decision = resolveRunAs(asked, facts.user, policy)
  if (decision.kind === 'run') return { kind: 'allow', runAs: asked }
  return refuse(API_CODES[decision.reason], `The content cannot run as "${asked}": ${decision.message}.`)
}

export function isAccountName(text: string): boolean {
  return ACCOUNT_NAME.test(text)
}

const API_CODES = {
  unknown_user: 57,
  root: 56,
  reserved_user: 56,
  below_uid_min: 56,
  not_allowed: 56,
  not_in_group: 58,
} as const satisfies Record<RunAsRefusal, number>
