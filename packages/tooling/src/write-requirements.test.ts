import { expect, test } from 'vitest'
// @ts-expect-error: plain JavaScript, run by node without a build
import { formatRequirements } from './write-requirements.mjs'

const run = (assertionResults: readonly { fullName: string; status: string }[]): string =>
  formatRequirements({ testResults: [{ name: '/repo/test/a.test.ts', assertionResults }] }, '/repo')

const rowOf = (page: string, number: string): string => page.split('\n').find((line) => line.startsWith(`| ${number} `)) ?? ''

test('a requirement is passed when all its tests passed', () => {
  const page = run([
    { fullName: 'R-052 one pid', status: 'passed' },
    { fullName: 'group R-052 R-053 another', status: 'passed' },
  ])
  expect(rowOf(page, 'R-052')).toMatch(/one pid \(`test\/a\.test\.ts`\)<br>group another .* \| passed \|$/)
  expect(rowOf(page, 'R-053')).toMatch(/\| passed \|$/)
})

test('one failed test makes it failed', () => {
  const page = run([
    { fullName: 'R-052 one', status: 'passed' },
    { fullName: 'R-052 two', status: 'failed' },
  ])
  expect(rowOf(page, 'R-052')).toMatch(/\| failed \|$/)
})

test('a skipped test proves nothing', () => {
  expect(rowOf(run([{ fullName: 'R-052 one', status: 'skipped' }]), 'R-052')).toMatch(/\| no test \|$/)
})

test('a number that the list does not know is shown all the same', () => {
  expect(rowOf(run([{ fullName: 'R-111 x', status: 'passed' }]), 'R-111')).toMatch(/\| passed \|$/)
})
