import type { ChangeFeed } from '../events.js'
import { JOB_LOG_WAIT_MS, JOB_WAIT_MAX_MS, WAIT_RECHECK_MS } from '../limits.js'
import { followLog } from '../logs/follow-log.js'
import type { Sql } from '../platform/postgres.js'
import type { ProcessRow } from '../processes/process-row.js'
import type { Log } from '../telemetry.js'
import { waitForChange } from '../wait-for-change.js'

export type JobEnd =
  | { readonly kind: 'ended'; readonly row: ProcessRow }
  /** Its row is gone: the content was deleted. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }

/** Waits for a job process's end and its complete log, passing its lines on meanwhile. */
export async function awaitJob(
  deps: { readonly sql: Sql; readonly feed: ChangeFeed; readonly log: Log },
  processId: string,
  options: { readonly signal: AbortSignal; onLines?(lines: readonly string[]): Promise<void> },
): Promise<JobEnd> {
  const { sql, feed } = deps
  const follower =
    options.onLines === undefined
      ? undefined
      : followLog(deps, processId, (lines) => options.onLines?.(lines) ?? Promise.resolve())
  const read = async (): Promise<ProcessRow | undefined> =>
    (await sql<ProcessRow[]>`select * from processes where id = ${processId}`)[0]
  const common = { feed, channel: 'process_changed', id: processId, recheckMs: WAIT_RECHECK_MS, signal: options.signal } as const
  try {
    const ended = await waitForChange<ProcessRow | 'gone'>({
      ...common,
      timeoutMs: JOB_WAIT_MAX_MS,
      async check() {
        const row = await read()
        if (row === undefined) return 'gone'
        return row.phase === 'exited' || row.phase === 'refused' ? row : undefined
      },
    })
    if (ended.kind !== 'seen') return ended
    if (ended.value === 'gone') return { kind: 'gone' }
    // `finalized` says that every byte of its output has been acknowledged.
    if (follower !== undefined) {
      await waitForChange<true>({
        ...common,
        timeoutMs: JOB_LOG_WAIT_MS,
        check: async () => ((await read())?.finalized === false ? undefined : true),
      })
      await follower.finish()
    }
    return { kind: 'ended', row: ended.value }
  } finally {
    follower?.abandon()
  }
}
