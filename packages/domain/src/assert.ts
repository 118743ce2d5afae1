/** A programmer's mistake: let the process end. Bad input is an AppError or a refusal, never this. */
export function assert(fact: unknown, message: string): asserts fact {
  if (!fact) throw new Error(`assertion failed: ${message}`)
}

export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`)
}
