import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseInterpreter } from './choose-interpreter.js'

const pythons = ['3.9.18', '3.11.2', '3.11.7', '3.12.1']

test.each([
  ['the newest that meets the constraint', '>=3.9,<3.12', '3.9.1', '3.11.7'],
  ['the same minor, newest patch', null, '3.11.0', '3.11.7'],
  ['the nearest minor', null, '3.10.4', '3.11.7'],
  ['a newer one than any', null, '3.14.0', '3.12.1'],
  ['an older one than any', null, '3.6', '3.9.18'],
  ['no wish', null, null, '3.12.1'],
  ['an empty constraint is none', ' ', '3.9.0', '3.9.18'],
])('%s', (_name, requires, version, chosen) => {
  expect(chooseInterpreter({ language: 'Python', requires, version }, pythons)).toEqual({ kind: 'chosen', version: chosen })
})

test.each([
  ['another major version', null, '2.7.18', /made with Python 2\.7\.18; installed: 3\.12\.1/],
  ['a constraint that nothing meets', '>=3.13', '3.13.1', /requires Python >=3\.13; installed: 3\.12\.1, 3\.11\.7/],
  ['a constraint that cannot be read', '>=three', null, /cannot be read at ">=three"/],
])('%s is refused with what there is', (_name, requires, version, why) => {
  const choice = chooseInterpreter({ language: 'Python', requires, version }, pythons)
  expect(choice.kind === 'none' && choice.message).toMatch(why)
})

test('no interpreter at all is said', () => {
  expect(chooseInterpreter({ language: 'R', requires: null, version: '4.2' }, [])).toEqual({
    kind: 'none',
    message: 'The bundle needs R; no R is installed on the hosts.',
  })
})

test('what is chosen is installed, whatever is asked and in whatever order it is listed', () => {
  const version = fc.tuple(fc.constantFrom(2, 3, 4), fc.nat(15), fc.nat(20)).map((segments) => segments.join('.'))
  fc.assert(
    fc.property(fc.array(version), version, (installed, asked) => {
      const ask = { language: 'Python', requires: null, version: asked }
      const choice = chooseInterpreter(ask, installed)
      const reversed = chooseInterpreter(ask, [...installed].reverse())
      expect(reversed).toEqual(choice)
      return (
        choice.kind === 'none' || (installed.includes(choice.version) && choice.version.split('.')[0] === asked.split('.')[0])
      )
    }),
  )
})
