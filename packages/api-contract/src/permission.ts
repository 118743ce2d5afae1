import { z } from 'zod'
import { guid } from './scalars.js'

export const permission = z.object({
  id: z.string(),
  content_guid: guid,
  principal_guid: guid,
  principal_type: z.enum(['user', 'group']),
  /** owner = collaborator */
  role: z.enum(['viewer', 'owner']),
})
export type Permission = z.infer<typeof permission>

export const permissionCreate = z.object({ principal_guid: z.string(), principal_type: z.string(), role: z.string() })
export const permissionUpdate = z.object({ role: z.string() })
