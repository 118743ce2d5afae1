import { z } from 'zod'
import { cursorPage } from './page.js'
import { time } from './scalars.js'

/** Exactly these keys in this order: one client compares them. */
export const auditLog = z.object({
  id: z.string(),
  time,
  user_id: z.string(),
  user_guid: z.string(),
  user_description: z.string(),
  action: z.string(),
  event_description: z.string(),
})
export const auditLogs = cursorPage(auditLog)

export const auditLogsQuery = z.object({
  limit: z.string().optional(),
  next: z.string().optional(),
  previous: z.string().optional(),
  ascOrder: z.string().optional(),
})
