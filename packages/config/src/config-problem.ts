/** Something wrong with the configuration. A refusal keeps Berth from starting, a warning is only said. */
export interface ConfigProblem {
  readonly kind: 'refusal' | 'warning'
  /** Where: `FILE:LINE`, the name of an environment variable, or a flag. */
  readonly where: string
  readonly message: string
}

/** One line, as an administrator reads it. */
export function formatProblem(problem: ConfigProblem): string {
  return `${problem.where}: ${problem.kind === 'warning' ? 'warning: ' : ''}${problem.message}`
}
