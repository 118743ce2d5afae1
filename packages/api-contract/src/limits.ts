/** Offset pages: `page_size` when none is asked for, and at most. */
export const PAGE_SIZE_DEFAULT = 20
export const PAGE_SIZE_MAX = 500
export const TASK_WAIT_MAX_S = 30
