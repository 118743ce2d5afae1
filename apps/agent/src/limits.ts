import { assert } from '@berth/domain/assert.js'

// Every size, queue, wait and retry of the agent. Relations are asserted at load.

/** Specs in one desired set; a larger set is refused whole. */
export const NODE_PROCESSES_MAX = 2_000
export const ENV_NAMES_MAX = 1_000
/** Of one spec as it lies in the ledger; requirements alone may have 256 KiB. */
export const SPEC_BYTES_MAX = 512 * 1024
/** Of one control message: the whole set of a busy node. */
export const CONTROL_MESSAGE_BYTES_MAX = 64 * 1024 * 1024

export const EVENTS_BATCH_MAX = 500
/** Lifecycle events of one process are about ten; more means a bug, and is refused. */
export const EVENTS_PER_PROCESS_MAX = 100

export const LOG_CHUNK_BYTES_MAX = 64 * 1024
export const LOG_BATCH_CHUNKS_MAX = 16
/** Sent and not yet acknowledged, over all processes: what a lost connection makes us send again. */
export const LOG_WINDOW_BYTES = 2 * 1024 * 1024
/** Of each stream of one process, on disk; beyond it the oldest segment goes, with a gap record. */
export const LOG_BYTES_MAX = 64 * 1024 * 1024
/** How soon positions that were acknowledged reach the disk; a crash before sends again. */
export const ACKED_WRITE_DELAY_MS = 1_000

export const RECONNECT_MS_MIN = 200
export const RECONNECT_MS_MAX = 15_000
export const CONNECT_TIMEOUT_MS = 10_000
export const KEEPALIVE_MS = 10_000
export const KEEPALIVE_ANSWER_MS = 5_000
export const HEARTBEAT_MS = 5_000
/** After Welcome the whole set comes if it differs from the ledger; silence this long means that the ledger stands. */
export const LEDGER_STANDS_MS = 2_000

export const ENROLL_TIMEOUT_MS = 15_000
export const ENROLL_ANSWER_BYTES_MAX = 256 * 1024
/** Renew the certificate once less than this part of its life is left. */
export const CERTIFICATE_RENEW_FRACTION = 1 / 3
export const CERTIFICATE_CHECK_MS = 60 * 60_000
export const BUNDLE_STALL_MS = 60_000
export const SECRETS_TIMEOUT_MS = 15_000
/** What the launcher reads at most. */
export const SECRETS_BYTES_MAX = 256 * 1024
export const PLAN_BYTES_MAX = 1024 * 1024

/** Run directories stay this long after all of them is acknowledged: a database restored to a minute ago can ask again. */
export const RUN_DIR_KEEP_MS = 5 * 60_000
/** A run directory whose end nobody acknowledges goes after this. */
export const RUN_DIR_ABANDON_MS = 7 * 24 * 60 * 60_000
export const RUN_DIR_SWEEP_MS = 15_000

/** From the executed launcher to its `started`. Includes mounts on slow network file systems. */
export const LAUNCH_TIMEOUT_MS = 60_000
/** A monitor that holds its lock and does not answer: after a restart of the agent. */
export const ADOPT_ANSWER_MS = 5_000
export const CONTROL_SOCKET_ANSWER_MS = 2_000
export const CONTROL_LINE_BYTES_MAX = 64 * 1024
/** After the tree was killed, the monitor writes its record; then the end is inferred. */
export const KILLED_RECORD_MS = 10_000
/** bind(2) makes the file, listen(2) comes right after: there is no event between, so connect is tried at growing distances. */
export const LISTEN_RETRY_MS_MIN = 1
export const LISTEN_RETRY_MS_MAX = 50
export const SOCKET_PATH_BYTES_MAX = 107

/** `{"stop":"content"}`: beyond the processes' own graces, for reports to be acknowledged. */
export const STOP_REPORT_MS = 10_000
export const STOP_GRACE_MS_MAX = 10 * 60_000

export const HOST_COMMAND_MS = 10_000
export const HOST_COMMAND_BYTES_MAX = 4 * 1024 * 1024
export const INTERPRETER_PROBE_MS = 60_000
export const INTERPRETERS_MAX = 50
/** What is told of interpreters at a new connection is at most this old. */
export const HOST_FACTS_MS = 5 * 60_000
export const ACCOUNT_CACHE_MS = 5_000
export const ACCOUNT_CACHE_MAX = 1_000

export const SEAL_ENTRIES_MAX = 1_000_000
export const SEAL_DEPTH_MAX = 200
/** `chown -R` of an application with all its data. */
export const HAND_OVER_MS = 15 * 60_000
/** `rm -rf` of what a process leaves; tried again at the next sweep. */
export const REMOVE_TREE_MS = 15 * 60_000
/** Processes of a tree that are asked what they listen on, when none came up on its socket. */
export const LISTENERS_PIDS_MAX = 1_000

/** From the first byte written to its sending, so that lines written one by one go together. */
export const LOG_LINGER_MS = 50

assert(RECONNECT_MS_MIN < RECONNECT_MS_MAX, 'the back-off grows')
assert(KEEPALIVE_ANSWER_MS < KEEPALIVE_MS, 'an answer is due before the next question')
assert(LOG_CHUNK_BYTES_MAX * LOG_BATCH_CHUNKS_MAX <= LOG_WINDOW_BYTES, 'a whole batch fits the window')
assert(LOG_CHUNK_BYTES_MAX * LOG_BATCH_CHUNKS_MAX < 4 * 1024 * 1024, 'a batch is below the receiver’s default message limit')
assert(LISTEN_RETRY_MS_MIN <= LISTEN_RETRY_MS_MAX, 'the distance grows')
assert(RUN_DIR_KEEP_MS < RUN_DIR_ABANDON_MS, 'what is acknowledged goes before what is not')
assert(SPEC_BYTES_MAX * 100 <= CONTROL_MESSAGE_BYTES_MAX, 'a set of many large specs fits a message')
