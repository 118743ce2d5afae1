import { assert } from '@berth/domain/assert.js'

// ---- this program
/** From the order to stop to the end, whatever hangs. */
export const STOP_MAX_MS = 10_000
export const ADMIN_USERS_LISTED_MAX = 10_000

// ---- Postgres
export const POSTGRES_POOL_MAX = 20
export const POSTGRES_CONNECT_TIMEOUT_S = 5
/** Idle connections are closed after it; 0 would keep a full pool for ever. */
export const POSTGRES_IDLE_TIMEOUT_S = 300
/** How long a start waits for a database that does not answer yet. */
export const POSTGRES_START_WAIT_MS = 60_000
/** The line that carries changes is tried so often, and replaced when it is silent. */
export const CHANGE_FEED_PING_MS = 2_000

// ---- Redis
export const REDIS_RETRY_MAX_MS = 2_000
/** A worker that has not renewed a job for so long has ended: another one takes it. */
export const QUEUE_LOCK_MS = 5_000
export const QUEUE_STALLED_MAX = 100
export const QUEUE_RING_MS_MAX = 1_000

// ---- nodes and their streams
/** Heartbeats missing for so long: shown as suspect, and no new process is placed there. */
export const NODE_SUSPECT_AFTER_MS = 15_000
/** Shown as disconnected; nothing is restarted elsewhere. */
export const NODE_DISCONNECTED_AFTER_MS = 45_000
export const LIVENESS_TICK_MS = 5_000
/** After a change was sent, further changes of the same node wait so long and go together. */
export const DESIRED_COALESCE_MS = 50
/** Complete set of one node in one message. */
export const NODE_PROCESSES_MAX = 1_000
export const EVENTS_BATCH_MAX = 500
export const EVENT_SEQ_MAX = 1_000
export const GRPC_MESSAGE_BYTES_MAX = 4 * 1024 * 1024
export const GRPC_KEEPALIVE_MS = 10_000
export const GRPC_KEEPALIVE_TIMEOUT_MS = 5_000
/** Stopping waits so long for calls under way after Goodbye, then cuts them. */
export const GRPC_STOP_GRACE_MS = 1_000
export const JOIN_TOKEN_LIFETIME_MS = 60 * 60_000
export const NODE_CERTIFICATE_LIFETIME_MS = 365 * 24 * 60 * 60_000
export const AUTHORITY_LIFETIME_MS = 20 * 365 * 24 * 60 * 60_000
/** Certificates are valid from so long ago: clocks of hosts differ. */
export const CERTIFICATE_BACKDATE_MS = 60 * 60_000
/** A file connection without a request is closed after it. */
export const CLUSTER_IDLE_SOCKET_MS = 30_000
export const ENROLL_BODY_BYTES_MAX = 64 * 1024

// ---- processes
/** Beyond a content's init timeout: placing, sending, preparing directories. */
export const ACQUIRE_MARGIN_MS = 10_000
/** A visitor waits at most so long for a start without an init timeout. */
export const ACQUIRE_WAIT_MAX_MS = 10 * 60_000
/** After a failed start so long for its last output to arrive before the answer is given. */
export const FAILURE_LOG_WAIT_MS = 500
export const FAILURE_LOG_LINES_MAX = 50
/** Requests that may wait for processes at once, over all contents. */
export const ACQUIRE_WAITING_MAX = 10_000
/** Routes that drain for another reason than idleness are ended after it although no gateway confirmed them. */
export const DRAIN_CONFIRM_MAX_MS = 5_000
export const SCALING_TICK_MS = 1_000
export const CRASH_WINDOW_MS = 60_000
export const CRASHES_BEFORE_HOLD = 3
export const CRASH_HOLD_MS = 5_000
export const JOBS_LISTED_MAX = 1_000

// ---- routes
/** A gateway that has not reported for so long: nothing is known about its visitors. */
export const LOAD_REPORT_STALE_MS = 5_000
export const ROUTES_COALESCE_MS = 50
export const VISIT_CACHE_MS_MAX = 30_000

// ---- logs
export const LOG_CHUNK_BYTES_MAX = 64 * 1024
/** Kept per stream of a process; beyond it the oldest chunks go and a gap says how many bytes. */
export const LOG_STREAM_BYTES_MAX = 16 * 1024 * 1024
export const LOG_LINES_MAX = 10_000
/** One line of the API; a longer one is cut in pieces. */
export const LOG_LINE_BYTES_MAX = 16 * 1024

// ---- deployments
export const DEPLOYMENTS_AT_ONCE = 4
export const DEPLOYMENT_RESCAN_MS = 30_000
/** A job process (unpack, restore) that shows no end after it is reported as stuck. */
export const JOB_WAIT_MAX_MS = 60 * 60_000
/** Rows are read again after it although nobody rang: a lost notification costs so much and no more. */
export const WAIT_RECHECK_MS = 2_000
/** After a job's end so long for the rest of its output. */
export const JOB_LOG_WAIT_MS = 2_000
/** Lines of a running job reach its task together, at most so often. */
export const FOLLOW_LOG_COALESCE_MS = 200
/** Chunks read at a time when a log is followed: each of their bytes may be a line. */
export const FOLLOW_LOG_PAGE_CHUNKS = 4
/** Chunks read at a time from the end of a log: first, and at most. */
export const LOG_READ_PAGE_CHUNKS = 16
export const LOG_READ_PAGE_CHUNKS_MAX = 1024
/** A deployment whose host is away waits so long for its return. */
export const DEPLOYMENT_NODE_WAIT_MS = 30_000
/** Unexpected failures are tried again at each rescan, but not for longer. */
export const DEPLOYMENT_AGE_MAX_MS = 2 * 60 * 60_000
export const RESTORE_ERROR_LINES_MAX = 20
export const REQUIREMENTS_BYTES_MAX = 256 * 1024
export const RETENTION_TICK_MS = 10 * 60_000
/** Rows that one round of retention takes of a kind. */
export const RETENTION_BATCH_MAX = 1_000

assert(NODE_SUSPECT_AFTER_MS < NODE_DISCONNECTED_AFTER_MS, 'a node is suspect before it is disconnected')
assert(LIVENESS_TICK_MS < NODE_SUSPECT_AFTER_MS, 'liveness is looked at more often than a node becomes suspect')
assert(LOG_CHUNK_BYTES_MAX < GRPC_MESSAGE_BYTES_MAX, 'a log chunk fits into a message')
assert(LOG_READ_PAGE_CHUNKS <= LOG_READ_PAGE_CHUNKS_MAX, 'the pages of a log grow')
assert(LOG_CHUNK_BYTES_MAX < LOG_STREAM_BYTES_MAX, 'a log holds more than a chunk')
assert(REQUIREMENTS_BYTES_MAX < GRPC_MESSAGE_BYTES_MAX, 'requirements fit into a message')
assert(GRPC_KEEPALIVE_TIMEOUT_MS < GRPC_KEEPALIVE_MS, 'a ping is answered before the next one')
assert(DEPLOYMENTS_AT_ONCE < POSTGRES_POOL_MAX, 'deployments leave connections for visitors')
