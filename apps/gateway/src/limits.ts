// Every size, queue, wait and retry of the gateway. Asserted against each other below, at load.
import { assert } from '@berth/domain/assert.js'

// From visitors.
/** Request line and headers. */
export const REQUEST_HEAD_BYTES_MAX = 32 * 1024
export const REQUEST_HEADERS_MAX = 200
export const REQUEST_TARGET_BYTES_MAX = 16 * 1024
export const REQUEST_HEAD_TIMEOUT_MS = 30_000
export const CLIENT_KEEP_ALIVE_MS = 75_000
export const CLIENT_CONNECTIONS_MAX = 10_000
/** How many connections the kernel holds until we accept. */
export const LISTEN_BACKLOG = 1024
/** What a client goes on sending after its answer is read and thrown away, up to this. */
export const DISCARDED_BODY_BYTES_MAX = 64 * 1024 * 1024

// From content.
export const ANSWER_HEAD_BYTES_MAX = 32 * 1024
export const ANSWER_HEADERS_MAX = 200
export const CHUNK_LINE_BYTES_MAX = 512
export const TRAILER_BYTES_MAX = 8 * 1024
export const INFORMATIONAL_ANSWERS_MAX = 16

// Connections to a process.
export const IDLE_CONNECTIONS_PER_PROCESS_MAX = 128
/** Below gunicorn's default of 2 s: we close first, so that a request rarely meets a connection that is just closing. */
export const IDLE_CONNECTION_MS_MAX = 1_500
export const CONNECTIONS_PER_PROCESS_MAX = 1_000
/** A full backlog answers EAGAIN at once on a Unix socket: wait a little and ask again. */
export const BACKLOG_RETRY_MS = 50
export const BACKLOG_RETRIES_MAX = 100
export const CONNECT_TIMEOUT_MS = 10_000
/** A process that refused a connection is left out this long; by then the control plane has heard. */
export const GONE_PROCESS_MS = 2_000
/** How often silent connections are looked for. */
export const SILENCE_SWEEP_MS = 500

// Waiting for a process.
export const HELD_REQUESTS_MAX = 2_000
export const HELD_REQUESTS_PER_BUNDLE_MAX = 500
/** Placement and preparation around the content's own init timeout; the control plane answers earlier than this. */
export const ACQUIRE_MARGIN_MS = 60_000

// The control plane.
export const AUTHORIZE_TIMEOUT_MS = 5_000
export const AUTHORIZATIONS_IN_FLIGHT_MAX = 1_000
export const VISIT_CACHE_MS_MAX = 30_000
/** While the control plane is away nobody can change rights through it; those who were in may stay this long. */
export const VISIT_CACHE_AWAY_MS_MAX = 5 * 60_000
export const VISIT_CACHE_ENTRIES_MAX = 20_000
/** Visitors whose last question is known without a digest. */
export const RECENT_VISITS_MAX = 1_000
export const ROUTES_BYTES_MAX = 64 * 1024 * 1024
export const RECONNECT_FIRST_MS = 100
export const RECONNECT_MS_MAX = 2_000
export const LOAD_REPORT_MS = 1_000
export const CONTROL_PLANE_SILENCE_MS_MAX = 10 * 60_000
export const RETRY_AFTER_S = 5

// WebSockets.
export const WEBSOCKET_HANDSHAKE_TIMEOUT_MS = 60_000
/** The other side closes soon after one did. */
export const HALF_CLOSED_MS_MAX = 10_000

// Static content.
export const STATIC_PATH_SEGMENTS_MAX = 64
/** Larger files are streamed. */
export const STATIC_WHOLE_FILE_BYTES_MAX = 64 * 1024
export const SEALED_DIRS_REMEMBERED_MAX = 1_000

// The end.
/** sysexits.h EX_CONFIG: a taken port; whoever starts us must not try again. */
export const EXIT_PORT_TAKEN = 78
/** In-flight requests may finish when we are told to stop. */
export const STOP_GRACE_MS = 5_000

assert(REQUEST_TARGET_BYTES_MAX < REQUEST_HEAD_BYTES_MAX, 'a request target fits into a request head')
assert(VISIT_CACHE_MS_MAX <= VISIT_CACHE_AWAY_MS_MAX, 'a visit outlives its cache only while the control plane is away')
assert(HELD_REQUESTS_PER_BUNDLE_MAX <= HELD_REQUESTS_MAX, 'one content cannot hold more requests than there may be')
assert(CONNECTIONS_PER_PROCESS_MAX <= CLIENT_CONNECTIONS_MAX, 'a process cannot have more connections than visitors')
assert(IDLE_CONNECTIONS_PER_PROCESS_MAX <= CONNECTIONS_PER_PROCESS_MAX, 'idle connections are connections')
assert(BACKLOG_RETRY_MS * BACKLOG_RETRIES_MAX <= CONNECT_TIMEOUT_MS, 'waiting for a backlog ends before the connect timeout')
assert(CHUNK_LINE_BYTES_MAX <= TRAILER_BYTES_MAX, 'one trailer line fits into the trailers')
assert(SILENCE_SWEEP_MS <= LOAD_REPORT_MS, 'silent connections are gone before the next report')
