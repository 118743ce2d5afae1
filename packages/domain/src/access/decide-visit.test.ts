import { expect, test } from 'vitest'
import type { UserGuid } from '../ids.js'
import type { ContentAccess } from './authorize.js'
import { decideVisit, type Visitor } from './decide-visit.js'

const me = '00000000-0000-4000-8000-000000000001' as UserGuid
const other = '00000000-0000-4000-8000-000000000002' as UserGuid
const user: Visitor = { kind: 'user', actor: { userGuid: me, username: 'me', role: 'publisher' } }
const anonymous: Visitor = { kind: 'anonymous' }
const restricted: ContentAccess = { accessType: 'acl', ownerGuid: other, granted: null }
const active = { draft: false }

test.each([
  ['anyone opens public content', anonymous, { ...restricted, accessType: 'all' as const }, false, 'allow'],
  ['a public content draft wants a sign-in', anonymous, { ...restricted, accessType: 'all' as const }, true, 'sign_in'],
  ['any account opens logged_in content', user, { ...restricted, accessType: 'logged_in' as const }, false, 'allow'],
  ['an account opens no draft of others', user, { ...restricted, accessType: 'logged_in' as const }, true, 'forbidden'],
  ['acl content is for those on the list', user, restricted, false, 'forbidden'],
  ['a listed user opens it', user, { ...restricted, granted: 'viewer' as const }, false, 'allow'],
  ['a collaborator opens a draft', user, { ...restricted, granted: 'owner' as const }, true, 'allow'],
  ['anonymous visitors sign in', anonymous, restricted, false, 'sign_in'],
] as const)('%s', (_name, visitor, access, draft, decision) => {
  expect(decideVisit(visitor, access, { draft })).toBe(decision)
})

test('a bad key is refused even on public content', () => {
  expect(decideVisit({ kind: 'bad_key' }, { ...restricted, accessType: 'all' }, active)).toBe('bad_credential')
})

test('an anonymous visitor cannot tell missing content from restricted content', () => {
  expect(decideVisit(anonymous, undefined, active)).toBe(decideVisit(anonymous, restricted, active))
  expect(decideVisit(user, undefined, active)).toBe('not_found')
})
