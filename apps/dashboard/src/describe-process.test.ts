import { expect, test } from 'vitest'
import { describeProcess } from './describe-process.js'

test.each([
  [{ status: 0, start_time: null, exit_code: null }, 'waiting', 'waiting'],
  [{ status: 0, start_time: '2026-11-23T12:00:00Z', exit_code: null }, 'running', 'running'],
  [{ status: 2, start_time: '2026-11-23T12:00:00Z', exit_code: 0 }, 'ended', 'ended'],
  [{ status: 1, start_time: '2026-11-23T12:00:00Z', exit_code: 137 }, 'failed', 'ended, exit code 137'],
  [{ status: 2, start_time: '2026-11-23T12:00:00Z', exit_code: null }, 'lost', 'lost'],
])('%j is %s', (job, state, label) => {
  expect(describeProcess(job)).toEqual({ state, label })
})
