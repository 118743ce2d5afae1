import { z } from 'zod'
import { guid, idInput, maybe, time } from './scalars.js'

export const userRole = z.enum(['viewer', 'publisher', 'administrator'])

export const user = z.object({
  guid,
  username: z.string(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  user_role: userRole,
  created_time: time,
  updated_time: time,
  active_time: time.nullable(),
  confirmed: z.boolean(),
  locked: z.boolean(),
  external_id: z.string(),
})
export type User = z.infer<typeof user>

/** v1/user and me. */
export const currentUser = user.extend({ privileges: z.array(z.string()), preferences: z.object({}), password: z.literal('') })
/** users/current: what the R client signs in with. */
export const legacyCurrentUser = currentUser.extend({ id: z.int() })

export const userCreate = z.object({
  username: z.string(),
  email: maybe(z.string().nullable()),
  first_name: maybe(z.string().nullable()),
  last_name: maybe(z.string().nullable()),
  user_role: maybe(userRole.nullable()),
  password: maybe(z.string().nullable()),
})

export const userUpdate = z.object({
  username: maybe(z.string().nullable()),
  email: maybe(z.string().nullable()),
  first_name: maybe(z.string().nullable()),
  last_name: maybe(z.string().nullable()),
  user_role: maybe(userRole.nullable()),
})

export const userLock = z.object({ locked: z.boolean() })

export const usersQuery = z.object({
  prefix: z.string().optional(),
  user_role: z.string().optional(),
  account_status: z.string().optional(),
  asc_order: z.string().optional(),
  page_number: z.string().optional(),
  page_size: z.string().optional(),
})

export const apiKeyCreate = z.object({ name: z.string() })
export const apiKey = z.object({ id: z.string(), name: z.string(), created_time: time, last_used_time: time.nullable() })
/** The only time that the key itself is shown. */
export const newApiKey = apiKey.extend({ key: z.string() })
export const apiKeyId = idInput

export const bootstrapResponse = z.object({ api_key: z.string() })
