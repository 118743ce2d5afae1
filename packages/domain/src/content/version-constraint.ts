/** Numeric release segments of a version: "3.11.2rc1" → [3, 11, 2]; "1.7-4" → [1, 7, 4]. Empty when it starts with no digit. */
export function releaseOf(version: string): readonly number[] {
  const match = /^\s*v?(\d+(?:[.-]\d+)*)/.exec(version)
  return match === null ? [] : (match[1] as string).split(/[.-]/).map(Number)
}

/** Negative when a is older. Missing segments count as 0. */
export function compareVersions(a: string, b: string): number {
  const left = releaseOf(a)
  const right = releaseOf(b)
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export type VersionConstraint =
  | { readonly kind: 'constraint'; allows(version: string): boolean }
  | { readonly kind: 'malformed'; readonly part: string }

const CLAUSE = /^(~=|===|==|!=|>=|<=|>|<|)\s*v?(\d+(?:\.\d+)*)(\.\*)?$/

/**
 * A constraint such as ">=3.9,<3.13", "~=3.11", "==3.11.*" or "3.11" (= "3.11.*"), on release segments only.
 * Source: spec/publisher-api 4.4 (PEP 440 for Python, the same style for R).
 */
export function parseVersionConstraint(text: string): VersionConstraint {
  const tests: ((version: string) => boolean)[] = []
  for (const part of text
    .split(',')
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '')) {
    const match = CLAUSE.exec(part)
    if (match === null) return { kind: 'malformed', part }
    const [, operator, wanted, star] = match as unknown as [string, string, string, string | undefined]
    if (star !== undefined && operator !== '==' && operator !== '!=' && operator !== '') return { kind: 'malformed', part }
    const segments = wanted.split('.').length
    if (operator === '~=' && segments < 2) return { kind: 'malformed', part }
    tests.push(clause(operator, wanted, star !== undefined))
  }
  return { kind: 'constraint', allows: (version) => tests.every((test) => test(version)) }
}

function clause(operator: string, wanted: string, star: boolean): (version: string) => boolean {
  const segments = wanted.split('.').map(Number)
  const hasPrefix = (version: string, prefix: readonly number[]): boolean =>
    prefix.every((segment, i) => (releaseOf(version)[i] ?? 0) === segment)
  switch (operator) {
    case '>=':
      return (version) => compareVersions(version, wanted) >= 0
    case '<=':
      return (version) => compareVersions(version, wanted) <= 0
    case '>':
      return (version) => compareVersions(version, wanted) > 0
    case '<':
      return (version) => compareVersions(version, wanted) < 0
    case '~=':
      return (version) => compareVersions(version, wanted) >= 0 && hasPrefix(version, segments.slice(0, -1))
    case '!=':
      return star ? (version) => !hasPrefix(version, segments) : (version) => compareVersions(version, wanted) !== 0
    case '':
      return (version) => hasPrefix(version, segments)
    default: // == and ===
      return star ? (version) => hasPrefix(version, segments) : (version) => compareVersions(version, wanted) === 0
  }
}
