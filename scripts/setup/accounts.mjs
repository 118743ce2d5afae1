import { run } from './run.mjs'

/** berth runs content and nothing else; the others are never RunAs. */
export const ACCOUNTS = ['berth', 'berth-server', 'berth-gateway', 'berth-db']

/** Creates the accounts that lack, each with a group of its name. Existing ones are left as they are. */
export function createAccounts() {
  const made = ACCOUNTS.filter((name) => !knows('passwd', name))
  for (const name of made) {
    if (!knows('group', name)) run('groupadd', ['--system', name])
    run('useradd', [
      '--system',
      '--gid',
      name,
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      name,
    ])
  }
  return made.length === 0 ? 'all there' : `created ${made.join(' ')}`
}

function knows(database, name) {
  try {
    run('getent', [database, name])
    return true
  } catch {
    return false
  }
}
