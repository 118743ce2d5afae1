import { z } from 'zod'

export function offsetPage<T extends z.ZodType>(item: T) {
  return z.object({ results: z.array(item), current_page: z.int(), total: z.int() })
}

export function cursorPage<T extends z.ZodType>(item: T) {
  return z.object({
    paging: z.object({
      cursors: z.object({ previous: z.string().nullable(), next: z.string().nullable() }),
      first: z.string().nullable(),
      previous: z.string().nullable(),
      next: z.string().nullable(),
      last: z.string().nullable(),
    }),
    results: z.array(item),
  })
}
