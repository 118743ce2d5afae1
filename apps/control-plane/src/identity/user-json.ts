import type { apiKey, currentUser, User as UserBody } from '@berth/api-contract/user.js'
import type { z } from 'zod'
import { seconds, secondsOrNull } from '../http/rfc3339.js'
import type { ApiKeyRow } from './api-key.store.js'
import type { User } from './user.store.js'

export function userJson(user: User): UserBody {
  return {
    guid: user.guid,
    username: user.username,
    email: user.email,
    first_name: user.firstName,
    last_name: user.lastName,
    user_role: user.role,
    created_time: seconds(user.createdTime),
    updated_time: seconds(user.updatedTime),
    active_time: secondsOrNull(user.activeTime),
    confirmed: user.confirmed,
    locked: user.locked,
    external_id: '',
  }
}

export function currentUserJson(user: User): z.infer<typeof currentUser> {
  return { ...userJson(user), privileges: [], preferences: {}, password: '' }
}

export function apiKeyJson(key: ApiKeyRow): z.infer<typeof apiKey> {
  return {
    id: String(key.id),
    name: key.name,
    created_time: seconds(key.createdTime),
    last_used_time: secondsOrNull(key.lastUsedTime),
  }
}
