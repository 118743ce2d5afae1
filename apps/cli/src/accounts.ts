import { execFileSync } from 'node:child_process'
import { AppError } from '@berth/domain/app-error.js'

/** Accounts of our own services; contracts.md section 1. */
export const SERVER_ACCOUNT = 'berth-server'
export const GATEWAY_ACCOUNT = 'berth-gateway'
export const STORE_ACCOUNT = 'berth-db'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Numeric ids of an account, from the host's name service. */
export function lookUpAccount(name: string): Account {
  let line: string
  try {
    line = execFileSync('getent', ['passwd', name], { encoding: 'utf8' })
  } catch (cause) {
    throw new AppError('invalid', `this host has no account "${name}": install Berth first (npm start, or the package)`, {
      cause,
    })
  }
  const [, , uid, gid] = line.trim().split(':')
  return { name, uid: Number(uid), gid: Number(gid) }
}
