import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import { ACCOUNT_CACHE_MAX, ACCOUNT_CACHE_MS } from '../limits.js'
import { runCommand } from './run-command.js'

/*
 * What this host says of accounts and groups, through its name service (files, LDAP, SSSD, …) and so through getent: the C library's
 * modules do not belong into a Node process. Facts only; the decision is resolveRunAs.
 */

export interface Users {
  /** undefined = no such account. Facts are at most ACCOUNT_CACHE_MS old. */
  user(name: string): Promise<UnixUser | undefined>
  gidOfGroup(name: string): Promise<number | undefined>
  /** Names of a group's members, for `@group` in allow-lists. */
  membersOfGroup(name: string): Promise<readonly string[]>
}

/** Numbers would be looked up as ids, a dash would be an option, and a slash is in no name. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.@\\+ -]{0,255}\$?$/
const NOT_FOUND = 2

export class HostUsers implements Users {
  readonly #users = new RecentAnswers(loadUser)
  readonly #groups = new RecentAnswers((name) => getent('group', name))

  user(name: string): Promise<UnixUser | undefined> {
    return this.#users.of(name)
  }

  async gidOfGroup(name: string): Promise<number | undefined> {
    const fields = (await this.#groups.of(name))?.split(':')
    return fields?.[0] === name ? Number(fields[2]) : undefined
  }

  async membersOfGroup(name: string): Promise<readonly string[]> {
    return ((await this.#groups.of(name))?.split(':')[3] ?? '').split(',').filter((member) => member !== '')
  }
}

/** Answers by name that are at most ACCOUNT_CACHE_MS old; who asks while one is on its way waits for that one. */
class RecentAnswers<T> {
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Promise<T> }>()
  readonly #load: (name: string) => Promise<T>

  constructor(load: (name: string) => Promise<T>) {
    this.#load = load
  }

  of(name: string): Promise<T> {
    const recent = this.#answers.get(name)
    if (recent !== undefined && performance.now() - recent.atMs < ACCOUNT_CACHE_MS) return recent.answer
    if (this.#answers.size >= ACCOUNT_CACHE_MAX) this.#answers.clear()
    const answer = this.#load(name)
    this.#answers.set(name, { atMs: performance.now(), answer })
    answer.catch(() => this.#answers.delete(name))
    return answer
  }
}

async function loadUser(name: string): Promise<UnixUser | undefined> {
  const [passwd, initgroups] = await Promise.all([getent('passwd', name), getent('initgroups', name)])
  if (passwd === undefined) return undefined
  return parseUser(passwd, initgroups ?? '')
}

/** passwd: a line of passwd(5). initgroups: `name gid gid …`, without the primary group on some systems. */
export function parseUser(passwd: string, initgroups: string): UnixUser | undefined {
  const [name, , uidText, gidText, , home = '', shell = ''] = passwd.split(':')
  const uid = Number(uidText)
  const gid = Number(gidText)
  if (name === undefined || name === '' || !isId(uid, uidText) || !isId(gid, gidText)) return undefined
  const more = initgroups
    .slice(name.length)
    .split(/\s+/)
    .filter((word) => /^\d+$/.test(word))
    .map(Number)
  return { name, uid, gid, gids: [...new Set([gid, ...more])].sort((a, b) => a - b), home, shell }
}

function isId(value: number, text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(value) && value < 2 ** 32 - 1
}

async function getent(database: 'passwd' | 'group' | 'initgroups', name: string): Promise<string | undefined> {
  if (!NAME.test(name)) return undefined
  const outcome = await runCommand('/usr/bin/getent', [database, name])
  if (outcome.code === 0) return outcome.stdout.split('\n')[0]
  if (outcome.code === NOT_FOUND) return undefined
  throw new Error(`getent ${database} ${name} failed with ${outcome.code}: ${outcome.stderr.slice(0, 300)}`)
}
