// Limits of the REST side; what placing, streams and logs need is in limits.ts.
import { assert } from '@berth/domain/assert.js'

// ---- requests
/** A JSON or form body. Bundles are streamed and have limits of their own (settings.bundle). */
export const JSON_BODY_BYTES_MAX = 1024 * 1024
export const REQUEST_HEADERS_BYTES_MAX = 32 * 1024
export const BODY_TIMEOUT_MS = 60_000
/** An upload from which no bytes come for so long is given up. */
export const UPLOAD_IDLE_TIMEOUT_MS = 120_000
export const PAGE_SIZE_DEFAULT = 20
export const PAGE_SIZE_MAX = 500
export const LOG_LINES_DEFAULT = 5_000
/** Ending: answers under way have so long, then their connections are cut. */
export const HTTP_STOP_GRACE_MS = 2_000

// ---- identity
export const API_KEY_CHARS = 32
export const API_KEY_NAME_CHARS_MAX = 255
export const API_KEYS_PER_USER_MAX = 1_000
export const USERNAME_CHARS_MAX = 64
export const PASSWORD_CHARS_MIN = 8
export const PASSWORD_BYTES_MAX = 1_024
/** argon2 takes tens of milliseconds and 19 MiB each: more at once would starve everything else. */
export const PASSWORD_CHECKS_AT_ONCE = 2
/** Sign-ins that may wait for those; beyond it: 429. */
export const PASSWORD_CHECKS_WAITING_MAX = 32
export const SIGN_IN_WINDOW_MS = 5 * 60_000
export const SIGN_INS_PER_ACCOUNT_MAX = 10
/** Many people may share an address behind a proxy. */
export const SIGN_INS_PER_ADDRESS_MAX = 60
/** IPv6 with a zone. */
export const ADDRESS_CHARS_MAX = 64
export const SESSION_TOKEN_BYTES = 32
/** last_seen_time and last_used_time are written at most so often. */
export const LAST_SEEN_STEP_MS = 60_000
export const BOOTSTRAP_SECRET_BYTES_MIN = 32
export const BOOTSTRAP_TOKEN_CHARS_MAX = 4_096

// ---- content
/** getent and id, which may ask a directory over the network. */
export const ACCOUNT_LOOKUP_TIMEOUT_MS = 10_000
export const TITLE_CHARS_MIN = 3
export const TITLE_CHARS_MAX = 1_024
export const DESCRIPTION_CHARS_MAX = 4_096
export const VARIABLES_PER_CONTENT_MAX = 500
export const VARIABLE_NAME_BYTES_MAX = 255
/** The kernel's limit for one string of an environment is 128 KiB. */
export const VARIABLE_VALUE_BYTES_MAX = 64 * 1024
export const GENERATED_NAME_TRIES_MAX = 5
export const PERMISSIONS_PER_CONTENT_MAX = 1_000
export const SEARCH_WORDS_MAX = 10
export const LEGACY_PAGE_SIZE_MAX = 500

// ---- bundles
export const MANIFEST_BYTES_MAX = 8 * 1024 * 1024
/** So much may unpack from any archive before its ratio counts: small text compresses far better than 100 to 1. */
export const RATIO_FLOOR_BYTES = 8 * 1024 * 1024
export const ENTRY_NAME_BYTES_MAX = 4_096
export const ENTRY_NAME_PART_BYTES_MAX = 255
export const BUNDLE_METADATA_BYTES_MAX = 64 * 1024
export const UPLOADS_AT_ONCE = 8
/** Their bytes stay with the sender meanwhile. */
export const UPLOADS_WAITING_MAX = 64
/** A refused upload is read on so far, so that the sender comes to read the answer; then the connection is cut. */
export const REFUSED_UPLOAD_READ_BYTES_MAX = 256 * 1024 * 1024
/** Uploads of other hosts of a shared directory that show no end after it are taken for dead. */
export const FOREIGN_UPLOAD_LIFETIME_MS = 24 * 60 * 60_000

// ---- tasks
export const TASK_WAIT_MAX_MS = 30_000
export const TASK_WAITERS_MAX = 5_000
export const TASK_LINES_MAX = 20_000
export const TASK_LINE_BYTES_MAX = 16 * 1024

assert(PASSWORD_CHECKS_AT_ONCE < PASSWORD_CHECKS_WAITING_MAX, 'a short rush of sign-ins waits instead of being refused')
assert(SIGN_INS_PER_ACCOUNT_MAX < SIGN_INS_PER_ADDRESS_MAX, 'one account is throttled before a whole address')
assert(PAGE_SIZE_DEFAULT <= PAGE_SIZE_MAX, 'the default page fits the largest')
assert(BUNDLE_METADATA_BYTES_MAX <= JSON_BODY_BYTES_MAX, 'metadata of a bundle is smaller than a body')
assert(VARIABLE_VALUE_BYTES_MAX < JSON_BODY_BYTES_MAX, 'a body carries a variable of the greatest size')
