import type { RunAsSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { authorizeRunAsChange } from '@berth/domain/run-as/authorize-run-as-change.js'
import { findAccount } from './find-account.js'
import { loadRunAsPolicy } from './load-run-as-policy.js'

/**
 * The account to write: undefined = as it is, null = the default one. Fails with 403/22 for all but administrators and with 55 to 58.
 * The agent that starts the process looks again: hosts may differ, and accounts change.
 */
export async function judgeRunAs(
  settings: RunAsSettings,
  actor: Actor,
  appMode: string,
  asked: { readonly runAs?: string | null | undefined; readonly runAsCurrentUser?: boolean | undefined },
): Promise<string | null | undefined> {
  if (asked.runAsCurrentUser === true) {
    throw new AppError('invalid', 'Content cannot run as its visitor on this server: that needs sign-in through PAM.', {
      apiCode: 55,
    })
  }
  const { runAs } = asked
  if (runAs === undefined) return undefined
  // The host is asked for administrators alone: others are refused without learning which accounts exist.
  const looksUp = runAs !== null && runAs !== '' && actor.role === 'administrator' && appMode !== 'static'
  const user = looksUp ? await findAccount(runAs) : undefined
  const policy = looksUp
    ? await loadRunAsPolicy(settings)
    : { defaultAccount: settings.defaultAccount, sharedGid: -1, minUid: settings.minUid, reserved: [] }
  const decision = authorizeRunAsChange(actor.role, runAs, { appMode, user }, policy)
  if (decision.kind === 'allow') return decision.runAs
  throw new AppError(decision.forbidden ? 'forbidden' : 'invalid', decision.message, { apiCode: decision.apiCode })
}
