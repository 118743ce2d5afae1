export const POSTGRES_READY_TIMEOUT_MS = 30_000
/** After it, a private server that does not stop orderly is told to stop at once. */
export const POSTGRES_STOP_TIMEOUT_MS = 5_000
export const WAIT_POLL_INTERVAL_MS = 25
export const WAIT_TIMEOUT_MS = 30_000
export const REST_TIMEOUT_MS = 100_000
/** One deployment, its environment built from a package index included. */
export const TASK_TIMEOUT_MS = 240_000
/** `berth up` from its start to its ready line, samples published. */
export const BERTH_READY_TIMEOUT_MS = 180_000
/** `berth up` from SIGINT to its exit: content is ended by soft signal, SIGTERM and kill in turn. */
export const BERTH_STOP_TIMEOUT_MS = 60_000
/** How much of its log a failing test shows. */
export const BERTH_LOG_TAIL_BYTES = 16 * 1024
/** One command of a publishing client: a deployment with its environment and its verification. */
export const CLIENT_TIMEOUT_MS = 300_000
/** For the last of a Berth that has ended. */
export const LEFTOVERS_TIMEOUT_MS = 5_000
export const REDIS_READY_TIMEOUT_MS = 10_000
export const CONTROL_PLANE_READY_TIMEOUT_MS = 30_000
export const CONTROL_PLANE_STOP_TIMEOUT_MS = 20_000
