import { expect, test } from 'vitest'
import { type RunAsPolicy, resolveRunAs, type UnixUser } from './resolve-run-as.js'

const SHARED = 900
const user = (name: string, uid: number, gid: number, ...more: number[]): UnixUser => ({
  name,
  uid,
  gid,
  gids: [gid, ...more],
  home: `/home/${name}`,
  shell: '/bin/sh',
})

/** Every kind of account a host can have. */
const ACCOUNTS: Record<string, UnixUser | undefined> = {
  berth: user('berth', 901, SHARED),
  'primary-member': user('primary-member', 2001, SHARED),
  'listed-member': user('listed-member', 2002, 2002, SHARED),
  outsider: user('outsider', 2003, 2003),
  'low-member': user('low-member', 500, SHARED),
  root: user('root', 0, 0),
  'second-root': user('second-root', 0, SHARED),
  'root-group': user('root-group', 2004, 0, SHARED),
  'listed-in-root': user('listed-in-root', 2005, SHARED, 0),
  'berth-server': user('berth-server', 902, 902),
  'berth-gateway': user('berth-gateway', 903, 903, SHARED),
  nobody_here: undefined,
}

const base: RunAsPolicy = {
  defaultAccount: 'berth',
  sharedGid: SHARED,
  minUid: 1000,
  reserved: ['berth-server', 'berth-gateway', 'berth-db'],
}
const POLICIES: Record<string, RunAsPolicy> = {
  plain: base,
  'low floor': { ...base, minUid: 100 },
  'only listed-member': { ...base, allowed: ['listed-member'] },
  'default is root': { ...base, defaultAccount: 'root' },
  'default is outsider': { ...base, defaultAccount: 'outsider' },
  'default is reserved': { ...base, defaultAccount: 'berth-server' },
  'no shared group': { ...base, sharedGid: -1 },
}

test('R-005 R-060 R-061 R-062 R-063 R-064 R-065 R-066 R-067 every account under every policy', async () => {
  const rows = Object.entries(POLICIES).flatMap(([policyName, policy]) =>
    ['', ...Object.keys(ACCOUNTS)].map((asked) => {
      const decision = resolveRunAs(asked, ACCOUNTS[asked === '' ? policy.defaultAccount : asked], policy)
      const outcome = decision.kind === 'run' ? `run as ${decision.user.name} (${decision.because})` : `refuse ${decision.reason}`
      return `${policyName.padEnd(22)}${(asked === '' ? '(default)' : asked).padEnd(18)}${outcome}`
    }),
  )
  await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot('run-as.matrix.txt')
})

test('R-062 root is never a RunAs account, not even as the default', () => {
  for (const policy of Object.values(POLICIES)) {
    for (const name of ['root', 'second-root', 'root-group', 'listed-in-root']) {
      expect(resolveRunAs(name, ACCOUNTS[name], policy)).toMatchObject({ kind: 'refuse', reason: 'root' })
    }
  }
})

test('decision 20: a refusal never falls back to another account', () => {
  for (const policy of Object.values(POLICIES)) {
    for (const [name, account] of Object.entries(ACCOUNTS)) {
      const decision = resolveRunAs(name, account, policy)
      if (decision.kind === 'run') expect(decision.user).toBe(account)
      else expect(decision.message).toContain(name)
    }
  }
})

test('facts about another account than the one asked for are refused', () => {
  expect(resolveRunAs('outsider', ACCOUNTS.berth, base)).toMatchObject({ kind: 'refuse', reason: 'unknown_user' })
})
