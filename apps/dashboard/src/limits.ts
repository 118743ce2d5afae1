// Limits of the page. Names end with their unit.

/** How often a view that is looked at asks again. */
export const REFRESH_INTERVAL_MS = 2_000
/** How often a followed log asks for more. */
export const LOG_REFRESH_INTERVAL_MS = 1_000
/** Newest lines of a log that are asked for and shown. */
export const LOG_LINES_MAX = 2_000
/** Ended processes shown before "show all". */
export const ENDED_PROCESSES_SHOWN_MAX = 10
/** How long one request may take. */
export const REQUEST_TIMEOUT_MS = 20_000

if (LOG_REFRESH_INTERVAL_MS > REQUEST_TIMEOUT_MS || REFRESH_INTERVAL_MS > REQUEST_TIMEOUT_MS) {
  throw new Error('limits: a refresh must be due before a request is given up')
}
