// Point 7: each bad input is refused with a clear error, and leaves nothing behind.
import { existsSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type ArchiveEntry, makeArchive, makeBomb } from '@berth/testing/make-archive.js'
import { createContent, deployFiles, type Files } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { beforeAll, describe, expect, test } from 'vitest'

const MANIFEST = JSON.stringify({ version: 1, metadata: { appmode: 'static', primary_html: 'index.html' }, files: {} })
const HONEST: readonly ArchiveEntry[] = [
  { name: 'manifest.json', data: MANIFEST },
  { name: 'index.html', data: '<p>it</p>' },
]

let berth: TestBerth
let rest: RestClient

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
})

/** What stays of an upload: stored archives and unpacked directories of one content. */
function stored(content: { guid: string; id: string }): string[] {
  const { data } = berth.record.dirs
  return [join(data, 'bundles', content.guid), join(data, 'apps', content.id)].flatMap((dir) =>
    existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [],
  )
}

describe('an archive that is refused while it is read', () => {
  const whole = makeArchive(HONEST)
  const cases: readonly [string, Buffer, RegExp][] = [
    ['truncated', whole.subarray(0, whole.length - 40), /truncated|incomplete|ends|damaged|corrupt/i],
    ['empty', Buffer.alloc(0), /empty/i],
    ['not gzip', Buffer.from('this is no archive'), /gzip|archive/i],
    ['with ../', makeArchive([...HONEST, { name: '../outside', data: 'x' }]), /\.\.\//],
    ['with ../ in the middle', makeArchive([...HONEST, { name: 'a/../../outside', data: 'x' }]), /\.\./],
    ['with an absolute path', makeArchive([...HONEST, { name: '/etc/cron.d/x', data: 'x' }]), /absolute|\/etc\/cron\.d/i],
    ['with a symbolic link out', makeArchive([...HONEST, { name: 'link', type: '2', linkTarget: '/etc/passwd' }]), /link/i],
    ['with a symbolic link up', makeArchive([...HONEST, { name: 'link', type: '2', linkTarget: '../../x' }]), /link/i],
    ['with a hard link out', makeArchive([...HONEST, { name: 'link', type: '1', linkTarget: '../x' }]), /link/i],
    ['with a device', makeArchive([...HONEST, { name: 'device', type: '3' }]), /device|special/i],
    ['with a FIFO', makeArchive([...HONEST, { name: 'fifo', type: '6' }]), /fifo|pipe|special/i],
    ['without manifest', makeArchive({ 'index.html': 'x' }), /manifest/i],
    ['with a manifest that is no JSON', makeArchive({ 'manifest.json': '{', 'index.html': 'x' }), /manifest/i],
    [
      'with a manifest without app mode',
      makeArchive({ 'manifest.json': '{"version":1,"metadata":{}}' }),
      /appmode|app mode|application mode/i,
    ],
    [
      'with an unknown application mode',
      makeArchive({ 'manifest.json': '{"version":1,"metadata":{"appmode":"fortran"}}' }),
      /fortran/i,
    ],
  ]

  test.each(cases)('%s', async (_name, archive, says) => {
    const content = await createContent(rest)
    const answer = await rest.call('POST', `/v1/content/${content.guid}/bundles`, archive)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.json?.code).toBeTypeOf('number')
    expect(answer.json?.error).toMatch(says)
    expect(stored(content)).toEqual([])
    expect((await rest.ok('GET', `/v1/content/${content.guid}/bundles`)).json).toEqual([])
    await rest.ok('DELETE', `/v1/content/${content.guid}`)
  })

  test('a small archive that unpacks to 10 GB is refused early, by its ratio', async () => {
    const bomb = makeBomb(HONEST, 10, 1 << 30)
    expect(bomb.length).toBeLessThan(16 << 20)
    const content = await createContent(rest)
    const before = freeBytes()
    const started = Date.now()
    const answer = await rest.call('POST', `/v1/content/${content.guid}/bundles`, bomb)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.json?.error).toMatch(/ratio|unpack|times/i)
    expect(Date.now() - started).toBeLessThan(15_000) // unpacking 10 GB takes longer
    expect(before - freeBytes()).toBeLessThan(256 << 20)
    expect(stored(content)).toEqual([])
    await rest.ok('DELETE', `/v1/content/${content.guid}`)
  })
})

test('an upload that is cut off leaves nothing', async () => {
  const content = await createContent(rest)
  const { connect } = await import('node:net')
  const socket = connect(berth.record.port, '127.0.0.1')
  const archive = makeArchive(HONEST)
  socket.write(
    `POST /__api__/v1/content/${content.guid}/bundles HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Key ${berth.adminKey}\r\nContent-Length: ${archive.length}\r\n\r\n`,
  )
  socket.write(archive.subarray(0, archive.length >> 1))
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.destroy()
  await waitFor('the half upload to be gone', async () => stored(content).length === 0)
  expect((await rest.ok('GET', `/v1/content/${content.guid}/bundles`)).json).toEqual([])
})

test('requirements that cannot be installed fail the deployment with the installer’s words, and leave no environment', async () => {
  const content = await createContent(rest)
  const environments = join(berth.record.dirs.data, 'python-environments')
  const before = existsSync(environments) ? readdirSync(environments, { recursive: true }).length : 0
  const files = readContent('test/content/probe-wsgi', { 'requirements.txt': 'there-is-no-such-package-as-this==1.0\n' })
  const { task } = await deployFiles(rest, content.guid, files)
  expect(task.code).toBe(1)
  expect(task.error).not.toBe('')
  expect(task.output.join('\n')).toContain('there-is-no-such-package-as-this')
  expect((await rest.ok('GET', `/v1/content/${content.guid}`)).json.bundle_id).toBeNull()
  const after = existsSync(environments) ? readdirSync(environments, { recursive: true }) : []
  expect(after.filter((path) => /there-is-no-such/.test(String(path)))).toEqual([])
  expect(after.length).toBeLessThanOrEqual(before + 2) // the directories of the version
})

describe('an application that does not come up', () => {
  async function firstVisit(files: Files, settings: Readonly<Record<string, unknown>> = {}) {
    const content = await createContent(rest, settings)
    const { task } = await deployFiles(rest, content.guid, files)
    expect(task).toMatchObject({ code: 0, error: '' }) // a broken application does not fail its deployment
    const page = await rest.get(`//content/${content.guid}/`, { headers: { Accept: 'text/html' } })
    await waitFor('its processes to end', async () => {
      const jobs = (await rest.ok('GET', `/v1/content/${content.guid}/jobs`)).json as { status: number }[]
      return jobs.every((job) => job.status !== 0)
    })
    return { content, page }
  }

  test('one that exits at start: its last lines are shown', async () => {
    const { page } = await firstVisit(
      readContent('test/content/probe-wsgi', { 'app.py': 'raise SystemExit("the database is not where I expected it")\n' }),
    )
    expect(page.status).toBeGreaterThanOrEqual(500)
    expect(page.text).toContain('the database is not where I expected it')
  })

  test('an R application that fails at start: its last lines are shown', async () => {
    const { page } = await firstVisit(
      readContent('test/content/probe-shiny', { 'app.R': 'stop("no credentials for the warehouse")\n' }),
    )
    expect(page.status).toBeGreaterThanOrEqual(500)
    expect(page.text).toContain('no credentials for the warehouse')
  })

  test('one that never listens where told: the error says where it listens', async () => {
    const app = `
import socket, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen()
print("listening on", listener.getsockname(), flush=True)
time.sleep(600)
`
    const { page } = await firstVisit(readContent('test/content/probe-wsgi', { 'app.py': app }), { init_timeout: 3 })
    expect(page.status).toBeGreaterThanOrEqual(500)
    expect(page.text).toMatch(/127\.0\.0\.1:\d+/)
  })
})

function freeBytes(): number {
  const stat = statfsSync(berth.record.dirs.data)
  return stat.bavail * stat.bsize
}
