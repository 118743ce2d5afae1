import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readManifest } from './read-manifest.js'

const flask = {
  version: 1,
  locale: 'en_US.UTF-8',
  metadata: { appmode: 'python-api', entrypoint: 'app:app', primary_rmd: null, has_parameters: false },
  python: { version: '3.11.2', package_manager: { name: 'pip', version: '23.0', package_file: 'requirements.txt' } },
  environment: { python: { requires: '>=3.9' } },
  files: { 'app.py': { checksum: '0' } },
  extension: { name: 'ignored' },
}

test('the manifest of a Flask API', () => {
  const reading = readManifest(JSON.stringify(flask))
  expect(reading).toMatchObject({
    kind: 'manifest',
    manifest: {
      appMode: 'python-api',
      entrypoint: 'app:app',
      python: { version: '3.11.2', requires: '>=3.9', packageFile: 'requirements.txt' },
      contentCategory: '',
      parameterized: false,
    },
  })
})

test('the manifest of a Shiny application names R and its packages', () => {
  const reading = readManifest(
    JSON.stringify({
      version: 1,
      platform: '4.2.2',
      metadata: { appmode: 'shiny', entrypoint: null, content_category: {} },
      packages: { shiny: { Source: 'CRAN', description: { Package: 'shiny', Version: '1.7.4' } }, odd: 7 },
      users: null,
    }),
  )
  expect(reading).toMatchObject({
    kind: 'manifest',
    manifest: { appMode: 'shiny', platform: '4.2.2', rPackages: new Map([['shiny', '1.7.4']]) },
  })
})

test.each([
  ['not JSON', '{"version": 1,', 38, 'not JSON'],
  ['an array', '[]', 38, 'not a JSON object'],
  ['no version', '{"metadata":{"appmode":"static"}}', 38, 'version missing'],
  ['another version', '{"version":2,"metadata":{"appmode":"static"}}', 38, 'version 2'],
  ['no metadata', '{"version":1}', 38, '"metadata"'],
  ['no app mode', '{"version":1,"metadata":{"appmode":null}}', 38, 'appmode is missing'],
  ['an unknown app mode', '{"version":1,"metadata":{"appmode":"cobol"}}', 148, '"cobol"'],
  ['a prototype name as app mode', '{"version":1,"metadata":{"appmode":"constructor"}}', 148, '"constructor"'],
  ['a mode that we do not run yet', '{"version":1,"metadata":{"appmode":"python-streamlit"}}', 147, 'python-api, shiny, static'],
  ['Python content without Python', '{"version":1,"metadata":{"appmode":"python-api"}}', 38, '"python" object'],
  [
    'a package file outside the bundle',
    JSON.stringify({ ...flask, python: { version: '3', package_manager: { package_file: '../x' } } }),
    38,
    'inside the bundle',
  ],
] as const)('%s is refused', (_name, text, apiCode, why) => {
  const reading = readManifest(text)
  expect(reading).toMatchObject({ kind: 'refuse', apiCode })
  if (reading.kind === 'refuse') expect(reading.message).toContain(why)
})

test.each([
  ['a null package manager', null, undefined],
  ['package manager none', { name: 'none' }, undefined],
  ['no file named', { name: 'pip' }, 'requirements.txt'],
  ['a file in a directory', { name: 'uv', package_file: 'env/requirements.txt.lock' }, 'env/requirements.txt.lock'],
] as const)('%s', (_name, packageManager, packageFile) => {
  const reading = readManifest(JSON.stringify({ ...flask, python: { version: '3.11', package_manager: packageManager } }))
  expect(reading.kind === 'manifest' ? reading.manifest.python?.packageFile : 'refused').toBe(packageFile)
})

test('whatever the JSON says, it is read or refused with a sentence', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const reading = readManifest(
        JSON.stringify({ version: 1, metadata: value, python: value, packages: value, environment: value }),
      )
      return reading.kind === 'manifest' || reading.message.length > 10
    }),
  )
})
