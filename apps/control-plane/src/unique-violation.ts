/** SQLSTATE 23505: another row has the same value in a unique column. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}
