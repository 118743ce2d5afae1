import { createHash } from 'node:crypto'

/** Raised when environments are built in another way, so that old ones are not taken for new ones. */
export const ENVIRONMENT_RECIPE = 1

/** Requirement and option lines without comments, blank lines and repeats, in the author's order (pip's options depend on it). */
export function normaliseRequirements(text: string): readonly string[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/(^|\s)#.*$/, '')
        .trim()
        .replace(/\s+/g, ' '),
    )
    .filter((line) => line !== '')
  return [...new Set(lines)]
}

/**
 * Name of the shared environment for these requirements on this Python, 64 hex digits; null = nothing to install.
 * Two bundles whose requirements say the same share one environment.
 */
export function environmentHash(pythonVersion: string, requirements: string): string | null {
  const lines = normaliseRequirements(requirements)
  if (lines.length === 0) return null
  return createHash('sha256')
    .update(JSON.stringify([ENVIRONMENT_RECIPE, pythonVersion, lines]))
    .digest('hex')
}
