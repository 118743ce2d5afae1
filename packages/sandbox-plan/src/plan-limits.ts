import { OPEN_FILES_HARD_MAX, OPEN_FILES_SOFT_MAX } from './limits.js'
import type { ResourceLimit } from './plan.js'

/** Limits that every content gets; those of a content's own settings have their place here. */
export function planLimits(): readonly ResourceLimit[] {
  return [
    // A core holds secrets and would be written into the content's own directory.
    { name: 'core', soft: 0, hard: 0 },
    { name: 'nofile', soft: OPEN_FILES_SOFT_MAX, hard: OPEN_FILES_HARD_MAX },
  ]
}
