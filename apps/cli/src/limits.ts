import { assert } from '@berth/domain/assert.js'

// ---- starting
/** From a server's start to its first answer. */
export const SERVER_READY_TIMEOUT_MS = 60_000
export const SERVER_POLL_MS = 20
/** From a part's start to its first answer. */
export const PART_READY_TIMEOUT_MS = 60_000
export const PART_POLL_MS = 25
/** Parts of a start before us that was killed have so long to notice, then they are killed. */
export const EARLIER_PARTS_WAIT_MS = 10_000

// ---- starting again
export const RESTART_DELAY_MS_MIN = 100
export const RESTART_DELAY_MS_MAX = 30_000
/** A part that ran so long counts as healthy: the next delay is the shortest again. */
export const RESTART_STABLE_AFTER_MS = 60_000
/** Up to so much of the delay is added at random. */
export const RESTART_JITTER = 0.5
/** Ends before the first answer after which the start is given up. */
export const START_ATTEMPTS_MAX = 4
/** A server that we took over is no child of ours: its life is looked at so often. */
export const ADOPTED_POLL_MS = 500

// ---- stopping
/** Beyond Scheduler.StopGrace and KillGrace: the agent's own work around the last process. */
export const CONTENT_STOP_MARGIN_MS = 15_000
export const PART_STOP_TIMEOUT_MS = 10_000
export const SERVER_STOP_TIMEOUT_MS = 20_000
/** After SIGKILL of a part. */
export const KILL_WAIT_MS = 5_000
/** A second Ctrl-C within it is the same one, seen twice. */
export const SIGNAL_TWICE_MS = 700

// ---- talking
export const ADMIN_TIMEOUT_MS = 60_000
export const REST_TIMEOUT_MS = 120_000
/** One sample from upload to active; a Python environment is built in it. */
export const SAMPLE_TIMEOUT_MS = 300_000
export const TASK_WAIT_S = 10
export const LOCK_ANSWER_TIMEOUT_MS = 2_000

// ---- logs of the parts
export const LOG_FILE_BYTES_MAX = 16 * 1024 * 1024
export const LOG_FILES_KEPT = 4
export const LOG_TAIL_LINES = 40
/** Of them, so many are shown of a part that does not start. */
export const LOG_TAIL_SHOWN = 8
export const PASSWORD_BYTES_MAX = 1_024

assert(RESTART_DELAY_MS_MIN < RESTART_DELAY_MS_MAX, 'restart delays grow')
assert(RESTART_DELAY_MS_MAX < RESTART_STABLE_AFTER_MS, 'a part that is started slowly can still become healthy')
assert(TASK_WAIT_S * 1_000 < REST_TIMEOUT_MS, 'a long poll ends before its request does')
assert(PART_POLL_MS < PART_READY_TIMEOUT_MS, 'a part is asked more than once')
