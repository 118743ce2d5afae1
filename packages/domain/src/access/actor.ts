import type { UserGuid } from '../ids.js'

export const USER_ROLES = ['viewer', 'publisher', 'administrator'] as const
export type UserRole = (typeof USER_ROLES)[number]

/** Who asks: a signed-in, unlocked user. Passed explicitly; there is no ambient "current user". */
export interface Actor {
  readonly userGuid: UserGuid
  readonly username: string
  readonly role: UserRole
}
