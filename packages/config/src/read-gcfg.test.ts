import { describe, expect, test } from 'vitest'
import { readGcfg } from './read-gcfg.js'

const valuesOf = (text: string) => readGcfg(text, 'f').entries.map((entry) => [entry.section, entry.name, entry.value])

describe('gcfg', () => {
  test.each([
    ['[Server]\nDataDir = /srv', [['Server', 'DataDir', '/srv']]],
    ['[Server]\nDataDir=/srv ; why\n', [['Server', 'DataDir', '/srv']]],
    ['[ Server ] # c\n  DataDir\t=\t/srv  # why\r\n', [['Server', 'DataDir', '/srv']]],
    ['[A]\nx = "a ; b # c" ', [['A', 'x', 'a ; b # c']]],
    ['[A]\nx = "say \\"hi\\"\\n\\\\"', [['A', 'x', 'say "hi"\n\\']]],
    ['[A]\nx = one two   three', [['A', 'x', 'one two   three']]],
    ['[A]\nx = " padded "', [['A', 'x', ' padded ']]],
    ['[A]\nx =', [['A', 'x', '']]],
    [
      '[A]\nx = 1\n[B]\ny = 2\n[a]\nx = 3',
      [
        ['A', 'x', '1'],
        ['B', 'y', '2'],
        ['a', 'x', '3'],
      ],
    ],
    ['[A]\nx = one \\\n  two', [['A', 'x', 'one two']]],
    ['; comment\n# comment\n\n', []],
  ])('%j', (text, expected) => {
    expect(readGcfg(text, 'f').problems).toEqual([])
    expect(valuesOf(text)).toEqual(expected)
  })

  test('sub-sections have quoted names', () => {
    const [entry] = readGcfg('[RPackageRepository "CRAN \\"x\\""]\nURL = https://cran.example', 'f').entries
    expect(entry).toMatchObject({ section: 'RPackageRepository', subsection: 'CRAN "x"', name: 'URL', where: 'f:2' })
  })

  test.each([
    ['[Server\nDataDir = /srv', 'f:1', /section header/],
    ['[Server]\nDataDir /srv', 'f:2', /equals sign/],
    ['DataDir = /srv', 'f:1', /before any section/],
    ['[A]\nx = "open', 'f:2', /closing/],
    ['[A]\nx = a\\qb', 'f:2', /backslash/],
  ])('%j is refused with its line', (text, where, message) => {
    const [problem] = readGcfg(text, 'f').problems
    expect(problem).toMatchObject({ kind: 'refusal', where })
    expect(problem?.message).toMatch(message)
  })

  test('a continued value is reported at its first line and the lines after it keep their numbers', () => {
    const entries = readGcfg('[A]\nx = 1 \\\n2\ny = 3', 'f').entries
    expect(entries.map((entry) => entry.where)).toEqual(['f:2', 'f:4'])
  })
})
