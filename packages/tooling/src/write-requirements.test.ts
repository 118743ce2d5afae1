import { expect, test } from 'vitest'
// @ts-expect-error: plain JavaScript, run by node without a build
import { formatRequirements } from './write-requirements.mjs'

const run = (assertionResults: readonly { fullName: string; status: string }[]): string =>
  formatRequirements({ testResults: [{ name: '/repo/test/a.test.ts', assertionResults }] }, '/repo')

const sectionOf = (page: string, number: string): string => page.split('\n## ').find((text) => text.startsWith(number)) ?? ''

test('a requirement is passed when all its tests passed', () => {
  const page = run([
    { fullName: 'R-052 one pid', status: 'passed' },
    { fullName: 'group R-052 R-053 another', status: 'passed' },
  ])
  expect(sectionOf(page, 'R-052')).toMatch(/: passed\n\n- one pid \(`test\/a\.test\.ts`\)\n- group another /)
  expect(sectionOf(page, 'R-053')).toMatch(/: passed\n/)
})

test('one failed test makes it failed', () => {
  const page = run([
    { fullName: 'R-052 one', status: 'passed' },
    { fullName: 'R-052 two', status: 'failed' },
  ])
  expect(sectionOf(page, 'R-052')).toMatch(/: failed\n/)
})

test('a skipped test proves nothing', () => {
  expect(sectionOf(run([{ fullName: 'R-052 one', status: 'skipped' }]), 'R-052')).toMatch(/: no test\n/)
})

test('a number that the list does not know is shown all the same', () => {
  expect(sectionOf(run([{ fullName: 'R-111 x', status: 'passed' }]), 'R-111')).toMatch(/^R-111: passed\n/)
})

test('what Markdown would read in a name is shown as it is', () => {
  expect(sectionOf(run([{ fullName: 'R-111 a_b [c] <d>', status: 'passed' }]), 'R-111')).toContain('- a\\_b \\[c\\] \\<d>')
})
