import { z } from 'zod'

/**
 * Clients written in R encode "nothing" as `{}` or `[]` where a single value belongs: taken as absent.
 * Source: publisher-api 2.3, deploy; checklist 2.
 */
export function maybe<T extends z.ZodType>(schema: T): z.ZodPreprocess<z.ZodOptional<T>> {
  return z.preprocess((value) => (isEmpty(value) ? undefined : value), schema.optional())
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** Ids are numbers in some clients and texts in others. */
export const idInput = z
  .union([z.string().regex(/^\d{1,18}$/, 'not an id'), z.int().nonnegative()])
  .transform((value) => BigInt(value))

export const guid = z.uuid()

/** RFC 3339 in UTC. */
export const time = z.iso.datetime()

/** Query parameters are texts. */
export const queryNumber = z.coerce.number().int().nonnegative()
