import { spawnSync } from 'node:child_process'
import { SERVICE_ACCOUNTS } from '@berth/config/derive-part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { resolveRunAs, type UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import { type Account, findAccount, findGroupId } from './accounts.js'

/** Applications.RunAs must be an account that may run content: a start that could run nothing is refused. */
export function checkDefaultRunAs(name: string, sharedGroup: string | null, minUid: number): Account {
  const account = findAccount(name)
  const user: UnixUser = { ...account, gids: groupsOf(name, account.gid), home: '', shell: '' }
  const sharedGid = sharedGroup === null ? account.gid : findGroupId(sharedGroup)
  const reserved = Object.values(SERVICE_ACCOUNTS)
  const decision = resolveRunAs(null, user, { defaultAccount: name, sharedGid, minUid, reserved })
  if (decision.kind === 'refuse') throw new AppError('invalid', `Applications.RunAs: ${decision.message}`)
  return account
}

function groupsOf(name: string, gid: number): number[] {
  const done = spawnSync('id', ['-G', name], { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim().split(/\s+/).map(Number) : [gid]
}
