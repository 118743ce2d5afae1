export const POSTGRES_READY_TIMEOUT_MS = 30_000
/** After it, a private server that does not stop orderly is told to stop at once. */
export const POSTGRES_STOP_TIMEOUT_MS = 5_000
