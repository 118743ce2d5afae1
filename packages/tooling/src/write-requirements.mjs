// Writes docs/requirements.md from a test run: requirement, the tests that carry its number, their result.
//   vitest run --reporter=json --outputFile=RESULT.json
//   node packages/tooling/src/write-requirements.mjs RESULT.json [docs/requirements.md]
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { REQUIREMENTS } from './requirements.mjs'

const NUMBER = /\bR-\d{3}\b/g

/**
 * The page for one run. `results`: vitest's JSON report; `root`: directory that file names are relative to.
 * A requirement without a test says so; a test that was skipped proves nothing.
 */
export function formatRequirements(results, root) {
  const tests = results.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({
      // The full name: a number in a describe block counts for all its tests.
      name: test.fullName.trim(),
      file: relative(root, file.name),
      status: test.status,
    })),
  )
  const found = new Map(Object.keys(REQUIREMENTS).map((number) => [number, []]))
  for (const test of tests) {
    for (const number of new Set(test.name.match(NUMBER) ?? [])) {
      if (!found.has(number)) found.set(number, [])
      found.get(number).push(test)
    }
  }
  const rows = [...found].sort(([a], [b]) => a.localeCompare(b)).map(([number, those]) => row(number, those))
  const proved = rows.filter((text) => text.endsWith('passed |')).length
  return `# Requirements and their tests

Written by \`node packages/tooling/src/write-requirements.mjs\` from a test run; do not edit. ${proved} of ${rows.length} requirements are proved by tests that passed.

| Requirement | What it asks for | Tests | Result |
|---|---|---|---|
${rows.join('\n')}
`
}

function row(number, tests) {
  const names = tests.map(
    (test) => `${escapeCell(test.name.replaceAll(NUMBER, '').trim().replace(/\s+/g, ' '))} (\`${test.file}\`)`,
  )
  const ran = tests.filter((test) => test.status === 'passed' || test.status === 'failed')
  const result = ran.length === 0 ? 'no test' : ran.some((test) => test.status === 'failed') ? 'failed' : 'passed'
  return `| ${number} | ${REQUIREMENTS[number] ?? ''} | ${names.join('<br>')} | ${result} |`
}

function escapeCell(text) {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

if (import.meta.main) {
  const [input, output = 'docs/requirements.md'] = process.argv.slice(2)
  if (input === undefined) {
    console.error('usage: write-requirements.mjs RESULT.json [OUTPUT.md]')
    process.exit(2)
  }
  writeFileSync(output, formatRequirements(JSON.parse(readFileSync(input, 'utf8')), process.cwd()))
}
