import { z } from 'zod'

/** Every error of a known route. Clients read `code` and `error`; numbers in publisher-api 1.9. */
export const errorBody = z.object({
  code: z.int(),
  error: z.string(),
  payload: z.unknown().nullable(),
})
export type ErrorBody = z.infer<typeof errorBody>
