import { z } from 'zod'
import { queryNumber } from './scalars.js'

export const task = z.object({
  id: z.string(),
  output: z.array(z.string()),
  result: z.object({ type: z.string(), data: z.unknown() }).nullable(),
  finished: z.boolean(),
  /** 0 on success. */
  code: z.int(),
  /** "" on success: one client looks at nothing else. */
  error: z.string(),
  last: z.int(),
})
export type Task = z.infer<typeof task>

/** wait: seconds, at most TASK_WAIT_MAX_S. */
export const taskQuery = z.object({ first: queryNumber.optional(), wait: z.coerce.number().nonnegative().optional() })
