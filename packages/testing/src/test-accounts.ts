// Unix accounts for one test Berth, under names that nobody else uses; removed at the end.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { noteTag } from './test-run.js'

const run = promisify(execFile)

export interface TestAccounts {
  /** The shared group. */
  readonly group: string
  readonly gid: number
  /** Applications.RunAs: its primary group is the shared one. */
  readonly standard: TestAccount
  /** An override: the shared group is its primary group, and it is not listed in the group entry. */
  readonly primary: TestAccount
  /** An override: listed in the group entry, with another primary group. */
  readonly member: TestAccount
  /** Not in the shared group. */
  readonly outsider: TestAccount
  remove(): Promise<void>
}

export interface TestAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Must run as root. Homes are not made: `HOME` must be right without. */
export async function createTestAccounts(): Promise<TestAccounts> {
  const tag = `bt${randomBytes(3).toString('hex')}`
  noteTag(tag)
  try {
    const accounts = await addAccounts(tag)
    return { ...accounts, remove: () => removeTestAccounts(accounts) }
  } catch (error) {
    await removeTagged(tag)
    throw error
  }
}

/** May run twice. */
export async function removeTestAccounts(accounts: Omit<TestAccounts, 'remove'>): Promise<void> {
  await removeTagged(accounts.group.slice(0, -1))
}

async function addAccounts(tag: string): Promise<Omit<TestAccounts, 'remove'>> {
  const group = `${tag}g`
  await edit('groupadd', '--system', group)
  const gid = Number((await run('getent', ['group', group])).stdout.split(':')[2])
  const add = async (suffix: string, ...options: string[]): Promise<TestAccount> => {
    const name = `${tag}${suffix}`
    const plain = ['--system', '--no-create-home', '--home-dir', `/nonexistent/${name}`, '--shell', '/usr/sbin/nologin']
    await edit('useradd', ...plain, ...options, name)
    const fields = (await run('getent', ['passwd', name])).stdout.split(':')
    return { name, uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  const standard = await add('s', '--gid', group)
  const primary = await add('p', '--gid', group)
  const member = await add('m', '--user-group', '--groups', group)
  const outsider = await add('o', '--user-group')
  return { group, gid, standard, primary, member, outsider }
}

async function removeTagged(tag: string): Promise<void> {
  const names = async (file: string): Promise<string[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .map((line) => line.split(':')[0] ?? '')
      .filter((name) => name.startsWith(tag))
  // Without --force a zombie of the account, which a PID 1 that does not reap keeps for good, would keep the account as well.
  for (const name of await names('/etc/passwd')) await edit('userdel', '--force', name)
  // userdel removes the groups named like their accounts; the shared one is ours to remove.
  for (const name of await names('/etc/group')) await edit('groupdel', name)
}

/** The tools refuse at once while another one of them holds its lock: runs beside one another take turns. */
async function edit(...command: string[]): Promise<void> {
  await run('flock', ['/run/lock/berth-test-accounts', ...command])
}
