import type { RunAsSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import type { RunAsPolicy } from '@berth/domain/run-as/resolve-run-as.js'
import { SERVICE_ACCOUNTS } from '@berth/domain/run-as/service-accounts.js'
import { findAccount, findGroupId } from './find-account.js'

/** The rule for this host: the shared group is a named one, else the primary group of the default account. */
export async function loadRunAsPolicy(settings: RunAsSettings): Promise<RunAsPolicy> {
  const { defaultAccount, sharedGroup, minUid } = settings
  const sharedGid = sharedGroup === null ? (await findAccount(defaultAccount))?.gid : await findGroupId(sharedGroup)
  if (sharedGid === undefined) {
    const what =
      sharedGroup === null
        ? `the account "${defaultAccount}" (Applications.RunAs)`
        : `the group "${sharedGroup}" (Applications.SharedRunAsUnixGroup)`
    throw new AppError('unavailable', `No other account can be used: this host does not have ${what}.`)
  }
  return { defaultAccount, sharedGid, sharedGroup, minUid, reserved: SERVICE_ACCOUNTS }
}
