import { expect, test } from 'vitest'
import { describeProcess } from './describe-process.js'

test.each([
  [{ status: 0, pid: null, exit_code: null }, 'waiting', 'waiting'],
  [{ status: 0, pid: '42', exit_code: null }, 'running', 'running'],
  [{ status: 2, pid: '42', exit_code: 0 }, 'ended', 'ended'],
  [{ status: 1, pid: '42', exit_code: 137 }, 'failed', 'ended, exit code 137'],
  [{ status: 2, pid: '42', exit_code: null }, 'lost', 'lost'],
])('%j is %s', (job, state, label) => {
  expect(describeProcess(job)).toEqual({ state, label })
})
