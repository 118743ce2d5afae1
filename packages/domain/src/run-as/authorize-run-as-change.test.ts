import { expect, test } from 'vitest'
import { authorizeRunAsChange } from './authorize-run-as-change.js'
import type { RunAsPolicy, UnixUser } from './resolve-run-as.js'

const policy: RunAsPolicy = {
  defaultAccount: 'berth',
  sharedGid: 900,
  minUid: 500,
  reserved: ['berth-server', 'berth-gateway', 'berth-db'],
}
const account = (name: string, uid: number, gids: readonly number[]): UnixUser => ({
  name,
  uid,
  gid: gids[0] ?? uid,
  gids,
  home: `/home/${name}`,
  shell: '/bin/sh',
})
const facts = (user: UnixUser | undefined, appMode = 'shiny') => ({ appMode, user })

test('R-063 an administrator gives content another account of the shared group', () => {
  const decision = authorizeRunAsChange('administrator', 'hadley', facts(account('hadley', 1001, [1001, 900])), policy)
  expect(decision).toEqual({ kind: 'allow', runAs: 'hadley' })
})

test('R-067 membership by primary group counts', () => {
  const decision = authorizeRunAsChange('administrator', 'hadley', facts(account('hadley', 1001, [900])), policy)
  expect(decision.kind).toBe('allow')
})

test('R-064 neither publishers nor viewers change it', () => {
  for (const role of ['publisher', 'viewer'] as const) {
    const decision = authorizeRunAsChange(role, null, facts(undefined), policy)
    expect(decision).toMatchObject({ kind: 'refuse', forbidden: true, apiCode: 22 })
  }
})

test.each([
  ['R-062 root is refused', 'root', account('root', 0, [0]), 'shiny', 56],
  ['R-062 another name of uid 0 is refused', 'toor', account('toor', 0, [900]), 'shiny', 56],
  ['an account of our own services is refused', 'berth-db', account('berth-db', 990, [900]), 'shiny', 56],
  ['a system account below the least uid is refused', 'daemon', account('daemon', 1, [900]), 'shiny', 56],
  ['R-065 a non-member of the shared group is refused', 'mallory', account('mallory', 1002, [1002]), 'shiny', 58],
  ['an unknown account is refused', 'nobody-knows', undefined, 'shiny', 57],
  ['a name that looks like an option is refused', '--help', undefined, 'shiny', 57],
  ['a uid instead of a name is refused', '0', account('root', 0, [0]), 'shiny', 57],
  ['static content has no account', 'hadley', account('hadley', 1001, [900]), 'static', 55],
] as const)('%s', (_name, asked, user, appMode, apiCode) => {
  expect(authorizeRunAsChange('administrator', asked, facts(user, appMode), policy)).toMatchObject({
    kind: 'refuse',
    apiCode,
    forbidden: false,
  })
})

test('null and an empty name go back to the default account, static content too', () => {
  expect(authorizeRunAsChange('administrator', null, facts(undefined, 'static'), policy)).toEqual({ kind: 'allow', runAs: null })
  expect(authorizeRunAsChange('administrator', '', facts(undefined), policy)).toEqual({ kind: 'allow', runAs: null })
})
