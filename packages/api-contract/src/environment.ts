import { z } from 'zod'

/** Changes of variables; null removes one. Values are never returned. */
export const environmentChanges = z.array(z.object({ name: z.string(), value: z.string().nullable() }))
export const environmentNames = z.array(z.string())
