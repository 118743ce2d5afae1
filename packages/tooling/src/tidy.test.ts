// What holds for the whole tree and no compiler or linter checks.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SETTINGS } from '@berth/config/settings-table.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
/** What is or will be committed, without what is generated. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)))
const sources = files.filter((file) => /^(apps|packages)\/[^/]+\/src\/.*\.ts$/.test(file) && !file.includes('/gen/'))
const product = sources.filter((file) => !file.endsWith('.test.ts') && !/^packages\/(testing|tooling)\//.test(file))

test('the version of the product is that of every package', () => {
  const manifests = files.filter((file) => /^((apps|packages)\/[^/]+\/)?package\.json$/.test(file))
  expect(manifests.length).toBeGreaterThan(5)
  for (const file of manifests) expect([file, JSON.parse(read(file)).version]).toEqual([file, PRODUCT_VERSION])
})

test('no file only passes on what others export', () => {
  const barrels = sources.filter((file) => {
    const statements = read(file)
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .trim()
    return (
      /\/index\.ts$/.test(file) ||
      (statements !== '' &&
        statements.split(/\n(?=export|import)/).every((one) => /^export\s+(type\s+)?[{*][\s\S]*\sfrom\s/.test(one)))
    )
  })
  expect(barrels).toEqual([])
})

test('only the configuration reads the environment', () => {
  expect(product.filter((file) => !file.startsWith('packages/config/') && /process\.env\b/.test(read(file)))).toEqual([])
})

test('no file has an address of one machine or of a package registry', () => {
  const forbidden = new RegExp(
    [
      ['/', 'work', '/'].join(''),
      ['/', 'root', '/[a-z]'].join(''),
      ['registry', 'npmjs', 'org'].join('\\.'),
      ['files', 'pythonhosted'].join('\\.'),
    ].join('|'),
  )
  const texts = files.filter((file) => !/\.(png|jpg|gz|woff2?)$/.test(file))
  expect(texts.filter((file) => forbidden.test(read(file)))).toEqual([])
})

test('every supported setting is documented, with its default section', () => {
  const page = read('docs/operate/configure.md')
  const missing = Object.entries(SETTINGS).flatMap(([section, properties]) =>
    Object.entries(properties)
      .filter(([name, setting]) => setting.supported && !page.includes(`| ${section}.${name} `))
      .map(([name]) => `${section}.${name}`),
  )
  expect(missing).toEqual([])
})

test('links between documents lead somewhere', () => {
  const broken = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        // That one is written from a test run.
        .filter((link) => !link.endsWith('requirements.md') && !existsSync(join(ROOT, dirname(file), link)))
        .map((link) => `${file}: ${link}`),
    )
  expect(broken).toEqual([])
})
