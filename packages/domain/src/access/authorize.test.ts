import { expect, test } from 'vitest'
import type { UserGuid } from '../ids.js'
import { USER_ROLES } from './actor.js'
import { ACCESS_TYPES, appRole, authorize, CONTENT_ACTIONS, type ContentAccess } from './authorize.js'

const me = '00000000-0000-4000-8000-000000000001' as UserGuid
const other = '00000000-0000-4000-8000-000000000002' as UserGuid

// One line per role, relation and access type: app_role, then the actions that are allowed.
test('the matrix of role, relation and access type', async () => {
  const lines: string[] = []
  for (const role of USER_ROLES) {
    for (const relation of ['owner', 'collaborator', 'listed', 'stranger'] as const) {
      for (const accessType of ACCESS_TYPES) {
        const access: ContentAccess = {
          accessType,
          ownerGuid: relation === 'owner' ? me : other,
          granted: relation === 'collaborator' ? 'owner' : relation === 'listed' ? 'viewer' : null,
        }
        const actor = { userGuid: me, username: 'me', role }
        const allowed = CONTENT_ACTIONS.filter((action) => authorize(actor, access, action))
        lines.push(`${role} ${relation} ${accessType}: ${appRole(actor, access) ?? '-'}: ${allowed.join(' ') || '-'}`)
      }
    }
  }
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/authorize.txt')
})

test('R-064 nobody but an administrator may change RunAs, not even the owner', () => {
  const access: ContentAccess = { accessType: 'all', ownerGuid: me, granted: 'owner' }
  const may = USER_ROLES.filter((role) => authorize({ userGuid: me, username: 'me', role }, access, 'change_run_as'))
  expect(may).toEqual(['administrator'])
})
