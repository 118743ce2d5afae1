import { expect, test } from 'vitest'
import { formatLogLine } from './format-log-line.js'

test.each([
  ['{"level":30,"msg":"ready"}', false, 'agent: info: ready'],
  ['{"level":40,"msg":"slow"}', true, 'agent: warning: slow'],
  ['{"level":50,"msg":"failed","err":{"type":"Error","message":"why","stack":"…"}}', true, 'agent: error: failed: why'],
  ['{"level":50,"msg":"failed","error":"why: because"}', true, 'agent: error: failed: why: because'],
  ['Error: boom', true, 'agent: Error: boom'],
  ['[1,2]', true, 'agent: [1,2]'],
  ['{"level":50,"msg":"\\u001b[2J"}', true, 'agent: error: \\x1b[2J'],
])('%s', (line, urgent, text) => {
  expect(formatLogLine('agent', line)).toEqual({ urgent, text })
})
