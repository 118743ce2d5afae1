import { compareVersions, parseVersionConstraint, releaseOf } from './version-constraint.js'

export interface InterpreterAsk {
  /** "Python" or "R", for the message. */
  readonly language: string
  /** Hard constraint of the manifest; empty or null = none. */
  readonly requires: string | null
  /** Version of the publisher's machine; empty or null = any. */
  readonly version: string | null
}

export type InterpreterChoice =
  | { readonly kind: 'chosen'; readonly version: string }
  | { readonly kind: 'none'; readonly message: string }

/**
 * The installed version that a bundle is pinned to: the newest that meets a constraint, else the nearest to the publisher's,
 * never another major version. Source: spec/publisher-api 4.4.
 */
export function chooseInterpreter(ask: InterpreterAsk, installed: readonly string[]): InterpreterChoice {
  const newestFirst = [...new Set(installed)].sort((a, b) => compareVersions(b, a))
  const has = newestFirst.length === 0 ? `no ${ask.language} is installed on the hosts` : `installed: ${newestFirst.join(', ')}`
  if (ask.requires !== null && ask.requires.trim() !== '') {
    const constraint = parseVersionConstraint(ask.requires)
    if (constraint.kind === 'malformed') {
      return {
        kind: 'none',
        message: `The manifest's ${ask.language} constraint "${ask.requires}" cannot be read at "${constraint.part}".`,
      }
    }
    const match = newestFirst.find((version) => constraint.allows(version))
    if (match !== undefined) return { kind: 'chosen', version: match }
    return { kind: 'none', message: `The bundle requires ${ask.language} ${ask.requires}; ${has}.` }
  }
  const newest = newestFirst[0]
  if (newest === undefined) return { kind: 'none', message: `The bundle needs ${ask.language}; ${has}.` }
  const wanted = releaseOf(ask.version ?? '')
  if (wanted.length === 0) return { kind: 'chosen', version: newest }
  const candidates = newestFirst.filter((version) => releaseOf(version)[0] === wanted[0])
  const nearest = candidates
    .map((version, rank) => ({ version, rank, minorDistance: Math.abs((releaseOf(version)[1] ?? 0) - (wanted[1] ?? 0)) }))
    .sort((a, b) => a.minorDistance - b.minorDistance || a.rank - b.rank)[0]
  if (nearest === undefined) return { kind: 'none', message: `The bundle was made with ${ask.language} ${ask.version}; ${has}.` }
  return { kind: 'chosen', version: nearest.version }
}
