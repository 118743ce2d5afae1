// Limits of the command and of `berth up`. Milliseconds and bytes.
import { assert } from '@berth/domain/assert.js'

export const POSTGRES_START_MS_MAX = 60_000
export const POSTGRES_STOP_MS_MAX = 30_000
export const REDIS_START_MS_MAX = 30_000
export const REDIS_STOP_MS_MAX = 15_000
/** Between looks at something that gives no event of its own. */
export const LOOK_AGAIN_MS = 20

export const PART_READY_MS_MAX = 60_000
/** A part that died is started again after this, doubled each time up to the maximum, with jitter. */
export const PART_RESTART_MS_MIN = 200
export const PART_RESTART_MS_MAX = 15_000
/** A part that lived this long starts again from the minimum. */
export const PART_STEADY_MS = 30_000
/** Between the polite signal and SIGKILL to a part. */
export const PART_STOP_MS_MAX = 20_000
/** For the agent to end all content: the longest soft stop there is, and some more. */
export const CONTENT_STOP_MS_MAX = 60_000
export const PART_LOG_BYTES_MAX = 50 * 1024 * 1024

/** A part that exits with this cannot work as configured: starting it again would not help (sysexits.h EX_CONFIG). */
export const EXIT_CONFIG = 78

export const SAMPLE_TASK_MS_MAX = 300_000
export const ADMIN_COMMAND_MS_MAX = 60_000

assert(PART_RESTART_MS_MIN < PART_RESTART_MS_MAX, 'the back-off grows')
assert(CONTENT_STOP_MS_MAX > PART_STOP_MS_MAX, 'content may take longer to end than a part')
