import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { AppError } from '@berth/domain/app-error.js'
import { isAccountName } from '@berth/domain/run-as/authorize-run-as-change.js'
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import { ACCOUNT_LOOKUP_TIMEOUT_MS } from '../rest-limits.js'

const run = promisify(execFile)

/**
 * What this host says of an account, through its name service (files, SSSD, LDAP): getent(1), id(1).
 * undefined = no such account. A directory that does not answer is no answer: fails with `unavailable`.
 */
export async function findAccount(name: string): Promise<UnixUser | undefined> {
  if (!isAccountName(name)) return undefined
  const line = await lookUp('getent', ['passwd', '--', name])
  if (line === undefined) return undefined
  const [found, , uid, gid, , home, shell] = line.split(':')
  // getent takes a number for a uid: that is not the account's name.
  if (found === undefined || !isNumber(uid) || !isNumber(gid) || found !== name) return undefined
  const groups = (await lookUp('id', ['-G', '--', name])) ?? ''
  const gids = [...new Set([Number(gid), ...groups.split(/\s+/).filter(isNumber).map(Number)])]
  return { name: found, uid: Number(uid), gid: Number(gid), gids, home: home ?? '', shell: shell ?? '' }
}

/** undefined = no such group. */
export async function findGroupId(name: string): Promise<number | undefined> {
  const line = isAccountName(name) ? await lookUp('getent', ['group', '--', name]) : undefined
  const gid = line?.split(':')[2]
  return isNumber(gid) ? Number(gid) : undefined
}

async function lookUp(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, [...args], {
      timeout: ACCOUNT_LOOKUP_TIMEOUT_MS,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    })
    return stdout.split('\n')[0]
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    // getent: 2 = no such entry; id: 1 = no such user.
    if (code === 2 || (program === 'id' && code === 1)) return undefined
    throw new AppError('unavailable', `This host cannot say whether "${args.at(-1)}" exists. Try again.`, { cause })
  }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text)
}
