import { expect, test } from 'vitest'
import { describeAge } from './describe-age.js'

const NOW = Date.parse('2026-11-23T12:00:00Z')

test.each([
  ['2026-11-23T12:00:00Z', '0 s'],
  ['2026-11-23T12:00:05Z', '0 s'],
  ['2026-11-23T11:59:15Z', '45 s'],
  ['2026-11-23T11:59:00Z', '1 min'],
  ['2026-11-23T10:01:00Z', '1 h'],
  ['2026-11-20T12:00:00Z', '3 d'],
])('%s is %s ago', (since, age) => {
  expect(describeAge(since, NOW)).toBe(age)
})
