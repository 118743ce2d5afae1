import { spawnSync } from 'node:child_process'
import { AppError } from '@berth/domain/app-error.js'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** As the host's name service knows it (getent), so that accounts of LDAP or SSSD work too. */
export function findAccount(name: string): Account {
  const fields = getent('passwd', name)
  if (fields === undefined) {
    throw new AppError(
      'invalid',
      `this host has no account "${name}": npm start creates Berth's own, any other is yours to create`,
    )
  }
  return { name, uid: Number(fields[2]), gid: Number(fields[3]) }
}

export function findGroupId(name: string): number {
  const fields = getent('group', name)
  if (fields === undefined) throw new AppError('invalid', `this host has no group "${name}"`)
  return Number(fields[2])
}

function getent(database: 'passwd' | 'group', name: string): string[] | undefined {
  const done = spawnSync('getent', [database, name], { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim().split(':') : undefined
}
