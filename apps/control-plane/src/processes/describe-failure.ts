import { JourneyEntry } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { StartFailure } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { FAILURE_LOG_LINES_MAX } from '../limits.js'
import { readLog } from '../logs/read-log.js'
import type { Sql } from '../platform/postgres.js'
import type { ProcessRow } from './process-row.js'

/** Why a process that ended never became ready, for the visitor's page: the journey, and the last lines for those who may see them. */
export async function describeFailure(
  sql: Sql,
  row: ProcessRow,
  options: { readonly retryLater: boolean },
): Promise<StartFailure> {
  const lines = await readLog(sql, row.id, FAILURE_LOG_LINES_MAX)
  const code = row.phase === 'refused' ? 'refused' : row.exit_reason === 'init_timeout' ? 'init_timeout' : 'start_failed'
  return StartFailure.fromPartial({
    code,
    message: failureSentence(row),
    failingStep: row.failing_step ?? '',
    jobKey: row.key,
    logTail: lines.map((line) => line.data),
    journey: row.journey.map((entry) => {
      const { step, durationUs, failed, reason } = JourneyEntry.fromJSON(entry)
      return { step, durationUs, failed, reason }
    }),
    retryLater: options.retryLater,
  })
}

function failureSentence(row: ProcessRow): string {
  const told = row.message === null || row.message === '' ? '' : ` ${row.message}`
  if (row.phase === 'refused') return `The application was not started:${told || ' the host refused it.'}`
  if (row.exit_reason === 'init_timeout') return `The application did not listen in time.${told}`
  if (row.failing_step !== null && row.failing_step !== '')
    return `The application could not be started (${row.failing_step}).${told}`
  if (row.exit_reason === 'oom') return `The application ran out of memory while it started.${told}`
  if (row.exit_signal !== null && row.exit_signal > 0)
    return `The application was ended by signal ${row.exit_signal} before it was ready.${told}`
  return `The application ended with exit code ${row.exit_code ?? '?'} before it was ready.${told}`
}
