import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, parseVersionConstraint } from './version-constraint.js'

test.each([
  ['>=3.9,<3.13', '3.11.2', true],
  ['>=3.9,<3.13', '3.13.0', false],
  ['>=3.9, <3.13', '3.9', true],
  ['~=3.11', '3.12.1', true],
  ['~=3.11', '4.0', false],
  ['~=3.11.2', '3.11.9', true],
  ['~=3.11.2', '3.12.0', false],
  ['==3.11.*', '3.11.7', true],
  ['==3.11.*', '3.12.0', false],
  ['==3.11', '3.11.0', true],
  ['==3.11', '3.11.2', false],
  ['!=3.11.*', '3.11.2', false],
  ['!=3.11.2', '3.11.3', true],
  ['3.11', '3.11.2', true],
  ['3.11.*', '3.11.2', true],
  ['>3.11', '3.11.2', true],
  ['<=3.11.2', '3.11.2', true],
  ['', '3.11.2', true],
  ['>=3.14', '3.14.0rc1', true],
])('"%s" and %s: %s', (constraint, version, allowed) => {
  const parsed = parseVersionConstraint(constraint)
  expect(parsed.kind === 'constraint' && parsed.allows(version)).toBe(allowed)
})

test.each(['>=abc', '3.x', '~=3', '>=3.*', '>= 3.9 <3.12', '=>3'])('"%s" cannot be read, and the part is named', (text) => {
  expect(parseVersionConstraint(text)).toMatchObject({ kind: 'malformed' })
})

test.each([
  ['1.7-4', '1.7.4', 0],
  ['1.10', '1.9', 1],
  ['1.0', '1.0.0', 0],
  ['4.2.2', '4.2.10', -1],
])('%s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign)
})

test('order of versions is total: what is older one way is newer the other', () => {
  const version = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'))
  fc.assert(
    fc.property(
      version,
      version,
      (a, b) => Math.sign(compareVersions(a, b)) === -Math.sign(compareVersions(b, a)) || compareVersions(a, b) === 0,
    ),
  )
})
