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
  const sections = [...found].sort(([a], [b]) => a.localeCompare(b)).map(([number, those]) => section(number, those))
  const proved = sections.filter(({ result }) => result === 'passed').length
  return `# Requirements and their tests

Written by \`node packages/tooling/src/write-requirements.mjs\` from a test run; do not edit.
${proved} of ${sections.length} requirements are proved by tests that passed.

${sections.map(({ text }) => text).join('\n')}`
}

function section(number, tests) {
  const ran = tests.filter((test) => test.status === 'passed' || test.status === 'failed')
  const result = ran.length === 0 ? 'no test' : ran.some((test) => test.status === 'failed') ? 'failed' : 'passed'
  const lines = tests.map(
    (test) => `- ${escapeText(test.name.replaceAll(NUMBER, '').trim().replace(/\s+/g, ' '))} (\`${test.file}\`)`,
  )
  const title = `## ${number} ${REQUIREMENTS[number] ?? ''}`.trimEnd()
  return { result, text: `${title}: ${result}\n${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}` }
}

/** Names of tests hold characters that Markdown would read: they are shown as they are. */
function escapeText(text) {
  return text.replace(/[\\`*_<[\]]/g, '\\$&')
}

if (import.meta.main) {
  const [input, output = 'docs/requirements.md'] = process.argv.slice(2)
  if (input === undefined) {
    console.error('usage: write-requirements.mjs RESULT.json [OUTPUT.md]')
    process.exit(2)
  }
  writeFileSync(output, formatRequirements(JSON.parse(readFileSync(input, 'utf8')), process.cwd()))
}
