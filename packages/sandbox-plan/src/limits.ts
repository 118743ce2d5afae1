import { assert } from '@berth/domain/assert.js'

/** Per stream; the oldest segment goes beyond it. */
export const LOG_BYTES_MAX = 64 * 1024 * 1024
/** Shared memory of one sandbox; counts against the process's memory, not the host's disk. */
export const SHM_BYTES_MAX = 512 * 1024 * 1024
/** Above the usual 1024 for servers with many connections, low enough that closing "all" descriptors in a loop stays cheap. */
export const OPEN_FILES_SOFT_MAX = 4096
export const OPEN_FILES_HARD_MAX = 524_288
/** Content is chosen before monitors and services when the host is out of memory. */
export const OOM_SCORE_ADJ = 200

// The launcher's own limits (packages/launcher/src/limits.h): a plan beyond them is refused there.
export const ENV_NAMES_MAX = 4096
export const ARGS_MAX = 4096
export const PATH_BYTES_MAX = 4095

assert(OPEN_FILES_SOFT_MAX <= OPEN_FILES_HARD_MAX, 'a soft limit is at most the hard one')
assert(LOG_BYTES_MAX >= 1024 * 1024 && LOG_BYTES_MAX <= 1024 ** 3, 'the launcher keeps between two segments and 1 GiB')
