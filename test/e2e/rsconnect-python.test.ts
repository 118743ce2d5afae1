// The unmodified rsconnect-python against the shared Berth. `bootstrap` is in test/acceptance/one-command, which has an unprovisioned one.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RestClient } from '@berth/testing/rest-client.js'
import { createRsconnectClient, type RsconnectClient } from '@berth/testing/rsconnect-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import { afterAll, beforeAll, expect, test } from 'vitest'

const FLASK = `import os
from flask import Flask, jsonify, redirect, url_for
app = Flask(__name__)
@app.get("/")
def index():
    return jsonify(version=os.environ.get("VERSION", "one"), greeting=os.environ.get("GREETING"))
@app.get("/away")
def away():
    return redirect(url_for("index"))
`
const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/

let rest: RestClient
let client: RsconnectClient

beforeAll(async () => {
  const berth = await sharedBerth()
  rest = berth.rest()
  client = await createRsconnectClient()
  await client.ok(['add', '--name', 'test', '--server', berth.address, '--api-key', berth.adminKey])
})

afterAll(() => client?.remove())

function project(name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(client.home, name)
  mkdirSync(dir, { recursive: true })
  for (const [path, text] of Object.entries(files)) writeFileSync(join(dir, path), text)
  return dir
}

async function contentOf(title: string) {
  const all = (await rest.ok('GET', '/v1/content')).json as {
    guid: string
    title: string
    bundle_id: string
    content_url: string
  }[]
  const found = all.find((content) => content.title === title)
  if (found === undefined) throw new Error(`no content has the title ${title}`)
  return found
}

test('add refuses a key that the server does not know, and details reads the server', async () => {
  const wrong = await client.run(['add', '--name', 'wrong', '--server', rest.address, '--api-key', 'A'.repeat(32)])
  expect(wrong.code).not.toBe(0)
  expect(wrong.stderr + wrong.stdout).toMatch(/API key is not valid/i)
  const details = await client.ok(['details', '--name', 'test'])
  expect(details.stdout).toMatch(/3\.11\.\d+/)
})

test('deploy flask publishes a directory, restores its requirements and verifies it', async () => {
  const dir = project('flask', { 'app.py': FLASK, 'requirements.txt': 'flask>=3,<4\n' })
  const answer = await client.ok(['deploy', 'flask', '--name', 'test', '--title', 'E2E Flask', '-E', 'GREETING=hello', dir])
  expect(answer.stdout + answer.stderr).toMatch(GUID)
  const content = await contentOf('E2E Flask')
  expect((await rest.ok('GET', content.content_url)).json).toEqual({ version: 'one', greeting: 'hello' })
  expect((await rest.ok('GET', `/v1/content/${content.guid}/environment`)).json).toEqual(['GREETING'])
  const away = await rest.get(`${content.content_url}away`)
  expect(away.status).toBe(302)
  expect(new URL(away.headers.get('location') ?? '', content.content_url).pathname).toBe(new URL(content.content_url).pathname)
})

test('R-028 deploying the directory again replaces the bundle of the same content', async () => {
  const before = await contentOf('E2E Flask')
  const dir = project('flask', { 'app.py': FLASK.replace('"one"', '"two"') })
  await client.ok(['deploy', 'flask', '--name', 'test', dir])
  const after = await contentOf('E2E Flask')
  expect(after.guid).toBe(before.guid)
  expect(after.bundle_id).not.toBe(before.bundle_id)
  expect((await rest.ok('GET', after.content_url)).json.version).toBe('two')
})

test('deploy --draft verifies a bundle at an address of its own and leaves the active one serving', async () => {
  const before = await contentOf('E2E Flask')
  const dir = project('flask', { 'app.py': FLASK.replace('"one"', '"draft"') })
  const answer = await client.ok(['deploy', 'flask', '--name', 'test', '--draft', dir])
  const draft = /\/draft\/(\d+)/.exec(answer.stdout + answer.stderr)?.[1]
  expect(draft).toBeDefined()
  expect((await contentOf('E2E Flask')).bundle_id).toBe(before.bundle_id)
  expect((await rest.ok('GET', before.content_url)).json.version).toBe('two')
  expect((await rest.ok('GET', `${before.content_url}_bundle${draft}/`)).json.version).toBe('draft')
})

test('a broken application fails its verification and leaves the active bundle serving', async () => {
  const before = await contentOf('E2E Flask')
  const dir = project('flask', { 'app.py': 'raise RuntimeError("this application is broken")\n' })
  const answer = await client.run(['deploy', 'flask', '--name', 'test', dir])
  expect(answer.code).not.toBe(0)
  expect((await contentOf('E2E Flask')).bundle_id).toBe(before.bundle_id)
  expect((await rest.ok('GET', before.content_url)).json.version).toBe('two')
})

test("requirements that cannot be installed fail the deployment with the installer's own words", async () => {
  const dir = project('unsatisfiable', { 'app.py': FLASK, 'requirements.txt': 'flask==0.0.987\n' })
  const answer = await client.run(['deploy', 'flask', '--name', 'test', '--title', 'E2E unsatisfiable', dir])
  expect(answer.code).not.toBe(0)
  expect(answer.stdout + answer.stderr).toMatch(/flask==0\.0\.987/)
  expect((await contentOf('E2E unsatisfiable')).bundle_id).toBeNull()
})

test('deploy manifest publishes a Flask application by its manifest', async () => {
  const dir = project('flask-manifest', { 'app.py': FLASK, 'requirements.txt': 'flask>=3,<4\n' })
  await client.ok(['write-manifest', 'flask', '--overwrite', dir])
  await client.ok(['deploy', 'manifest', '--name', 'test', '--title', 'E2E Flask manifest', join(dir, 'manifest.json')])
  const content = await contentOf('E2E Flask manifest')
  expect((await rest.ok('GET', content.content_url)).json.version).toBe('one')
})

test('deploy manifest publishes a Shiny application', async () => {
  const dir = project('shiny', {
    'app.R': 'library(shiny)\nshinyApp(fluidPage("hello from shiny"), function(input, output) {})\n',
    'manifest.json': JSON.stringify({
      version: 1,
      locale: 'en_US',
      platform: '4.2.1',
      metadata: { appmode: 'shiny', primary_rmd: null, primary_html: null, content_category: null, has_parameters: false },
      packages: {
        shiny: { Source: 'CRAN', Repository: 'https://cran.example.org', description: { Package: 'shiny', Version: '1.7.0' } },
      },
      files: { 'app.R': { checksum: '0123456789abcdef0123456789abcdef' } },
      users: null,
    }),
  })
  await client.ok(['deploy', 'manifest', '--name', 'test', '--title', 'E2E Shiny', join(dir, 'manifest.json')])
  const content = await contentOf('E2E Shiny')
  expect((await rest.ok('GET', content.content_url)).text).toContain('hello from shiny')
})

test('an R package that the host lacks is named', async () => {
  const dir = project('shiny-lacking', {
    'app.R': 'library(shiny)\n',
    'manifest.json': JSON.stringify({
      version: 1,
      platform: '4.2.1',
      metadata: { appmode: 'shiny' },
      packages: { notInstalledAnywhere: { Source: 'CRAN', description: { Package: 'notInstalledAnywhere', Version: '1.0' } } },
      files: { 'app.R': {} },
    }),
  })
  const answer = await client.run(['deploy', 'manifest', '--name', 'test', '--title', 'E2E lacking', join(dir, 'manifest.json')])
  expect(answer.code).not.toBe(0)
  expect(answer.stdout + answer.stderr).toContain('notInstalledAnywhere')
})

test('deploy html publishes static pages, and no process runs for them', async () => {
  const dir = project('html', { 'index.html': '<!doctype html><title>t</title><p>hello from html</p>', 'more.txt': 'more' })
  await client.ok(['deploy', 'html', '--name', 'test', '--title', 'E2E HTML', dir])
  const content = await contentOf('E2E HTML')
  expect((await rest.ok('GET', content.content_url)).text).toContain('hello from html')
  expect((await rest.ok('GET', `${content.content_url}more.txt`)).text).toBe('more')
  const jobs = (await rest.ok('GET', `/v1/content/${content.guid}/jobs`)).json as { tag: string }[]
  expect(jobs.map((job) => job.tag).filter((tag) => tag.startsWith('run_'))).toEqual([])
})

test('content search and describe read what was published', async () => {
  const found = JSON.parse((await client.ok(['content', 'search', '--name', 'test', '--title-contains', 'E2E HTML'])).stdout)
  expect(found.map((content: { title: string }) => content.title)).toEqual(['E2E HTML'])
  const described = JSON.parse((await client.ok(['content', 'describe', '--name', 'test', '--guid', found[0].guid])).stdout)
  expect(described[0]).toMatchObject({ guid: found[0].guid, app_mode: 'static' })
})

test('content download-bundle gives back the archive byte for byte', async () => {
  const content = await contentOf('E2E HTML')
  const bundle = (await rest.ok('GET', `/v1/content/${content.guid}/bundles/${content.bundle_id}`)).json
  const output = join(client.home, 'bundle.tar.gz')
  await client.ok(['content', 'download-bundle', '--name', 'test', '--guid', content.guid, '--output', output])
  const bytes = readFileSync(output)
  expect(bytes.length).toBe(bundle.size)
  const { createHash } = await import('node:crypto')
  expect(createHash('sha1').update(bytes).digest('hex')).toBe(bundle.metadata.archive_sha1)
})
