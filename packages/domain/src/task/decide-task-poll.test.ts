import { expect, test } from 'vitest'
import { decideTaskPoll } from './decide-task-poll.js'

test.each([
  ['without wait: at once', undefined, 0, false, 0, 'answer'],
  ['finished: at once', undefined, 1000, true, 5, 'answer'],
  ['no first: old lines do not count', undefined, 1000, false, 5, 'hold'],
  ['first given and lines beyond it', 4, 1000, false, 5, 'answer'],
  ['first given and nothing new', 5, 1000, false, 5, 'hold'],
  ['first=0 and nothing written yet', 0, 1000, false, 0, 'hold'],
  ['first beyond the end', 9, 1000, false, 5, 'hold'],
] as const)('%s', (_name, first, waitMs, finished, lineCount, decision) => {
  expect(decideTaskPoll({ first, waitMs }, { finished, lineCount })).toBe(decision)
})
