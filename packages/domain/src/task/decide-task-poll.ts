export interface TaskPoll {
  /** Index of the first line that the client lacks; undefined = it did not say. */
  readonly first: number | undefined
  /** How long the client would wait. */
  readonly waitMs: number
}

/**
 * Answer now, or hold the request? A client that names no `first` sleeps by `wait` alone: answering it early because
 * old lines exist would make it spin. Source: publisher-api 3.0.
 */
export function decideTaskPoll(
  poll: TaskPoll,
  task: { readonly finished: boolean; readonly lineCount: number },
): 'answer' | 'hold' {
  if (task.finished || poll.waitMs <= 0) return 'answer'
  return poll.first !== undefined && task.lineCount > poll.first ? 'answer' : 'hold'
}
