import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { bundle as bundleSchema } from '@berth/api-contract/bundle.js'
import { type ArchiveEntry, makeArchive, makeBomb } from '@berth/testing/make-archive.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createArchiveDirectory } from '../../../apps/control-plane/dist/publishing/archive-directory.js'
import { type Answer, type RestServer, startRestServer } from './rest-server.js'

let server: RestServer
let publisher: { guid: string; key: string }
let other: { guid: string; key: string }
let viewer: { guid: string; key: string }
let guid: string

beforeAll(async () => {
  server = await startRestServer()
  publisher = await server.addUser('publisher')
  other = await server.addUser('publisher')
  viewer = await server.addUser('viewer')
})
afterAll(() => server.stop())
beforeEach(async () => {
  guid = await createContent()
})

const STATIC = JSON.stringify({ version: 1, metadata: { appmode: 'static', primary_html: 'index.html' } })
const FLASK = JSON.stringify({
  version: 1,
  metadata: { appmode: 'python-api', entrypoint: 'app:app' },
  python: { version: '3.11.2', package_manager: { name: 'pip', package_file: 'requirements.txt' } },
})
const page = { 'index.html': '<p>Hello', 'manifest.json': STATIC }

const createContent = async (): Promise<string> =>
  (await server.call('POST', '/__api__/v1/content', { key: publisher.key, body: {} })).json.guid
const url = (rest = ''): string => `/__api__/v1/content/${guid}/bundles${rest}`
const upload = (body: unknown, headers: Record<string, string> = {}, key: string | undefined = publisher.key): Promise<Answer> =>
  server.call('POST', url(), { key, body, headers })
const deploy = (body: unknown, key = publisher.key): Promise<Answer> =>
  server.call('POST', `/__api__/v1/content/${guid}/deploy`, { key, body })

/** What deploy-bundle.ts does at its end. */
async function activate(bundleId: string): Promise<void> {
  await server.sql`
    update content c set bundle_id = b.id, app_mode = b.app_mode from bundles b where b.id = ${bundleId} and c.guid = b.content_guid`
}

describe('uploading', () => {
  test('a bundle is described, stored byte for byte, and downloaded as it came', async () => {
    const archive = makeArchive(page)
    const made = await upload(archive, { 'content-type': 'application/gzip' })
    expect(made.status).toBe(200)
    expect(bundleSchema.strict().parse(made.json)).toMatchObject({
      content_guid: guid,
      created_by: publisher.guid,
      active: false,
      size: archive.length,
      metadata: {
        source: null,
        archive_md5: createHash('md5').update(archive).digest('hex'),
        archive_sha1: createHash('sha1').update(archive).digest('hex'),
      },
    })
    expect((await server.call('GET', url(), { key: publisher.key })).text).toBe(`[${made.text}]`)
    expect((await server.call('GET', url(`/${made.json.id}`), { key: publisher.key })).text).toBe(made.text)
    const download = await server.call('GET', url(`/${made.json.id}/download`), { key: publisher.key })
    expect(download.headers).toMatchObject({ 'content-type': 'application/gzip', 'content-length': String(archive.length) })
    expect(download.bytes.equals(archive)).toBe(true)
  })

  test.each([
    '',
    'application/x-gzip',
    'application/gzip',
    'application/octet-stream',
    'text/plain;charset=UTF-8',
    'application/json',
  ])('whatever its type: %j, in chunks without a length', async (type) => {
    const archive = makeArchive(page)
    const chunks = [archive.subarray(0, 10), archive.subarray(10, 11), archive.subarray(11)]
    const made = await upload(Readable.from(chunks), type === '' ? {} : { 'content-type': type })
    expect([made.status, made.json.size]).toEqual([200, archive.length])
  })

  test.each(['archive first', 'metadata first'])('as a form with metadata, %s', async (order) => {
    const archive = makeArchive(page)
    const metadata = JSON.stringify({
      source: 'git',
      source_repo: 'https://git.example/x.git',
      source_branch: 'main',
      source_commit: 'abc',
      odd: 1,
    })
    const parts = [
      ['Content-Disposition: form-data; name="archive"; filename="bundle.tar.gz"\r\nContent-Type: application/x-tar', archive],
      [
        `Content-Disposition: form-data; name="metadata"${order === 'archive first' ? '\r\nContent-Type: application/json' : ''}`,
        Buffer.from(metadata),
      ],
    ] as const
    const ordered = order === 'archive first' ? parts : parts.toReversed()
    const body = Buffer.concat([
      ...ordered.flatMap(([head, data]) => [Buffer.from(`--XX\r\n${head}\r\n\r\n`), data, Buffer.from('\r\n')]),
      Buffer.from('--XX--\r\n'),
    ])
    const made = await upload(body, { 'content-type': 'multipart/form-data; boundary=XX' })
    expect([made.status, made.text]).toEqual([200, made.text])
    expect(made.json.metadata).toMatchObject({ source: 'git', source_repo: 'https://git.example/x.git', source_commit: 'abc' })
    const download = await server.call('GET', url(`/${made.json.id}/download`), { key: publisher.key })
    expect(download.bytes.equals(archive)).toBe(true)
  })

  test('everything inside one directory; requirements are taken from there', async () => {
    const archive = makeArchive({
      'site/app.py': 'x',
      'site/sub/requirements.txt': 'wrong',
      'site/requirements.txt': 'flask==3.0\n',
      'site/manifest.json': FLASK,
    })
    const made = await upload(archive)
    expect(made.status).toBe(200)
    const [row] =
      await server.sql`select strip_components, requirements, app_mode, file_count from bundles where id = ${made.json.id}`
    expect(row).toEqual({ strip_components: 1, requirements: 'flask==3.0\n', app_mode: 'python-api', file_count: 4 })
  })

  test('viewers and strangers do not upload', async () => {
    expect((await upload(makeArchive(page), {}, other.key)).status).toBe(403)
    expect((await upload(makeArchive(page), {}, viewer.key)).status).toBe(403)
    expect((await server.call('POST', url(), { body: makeArchive(page) })).status).toBe(401)
    guid = '00000000-0000-4000-8000-000000000000'
    expect((await upload(makeArchive(page))).json.code).toBe(4)
  })
})

describe('a refused upload leaves nothing behind', () => {
  const filler: ArchiveEntry = { name: 'data.bin', data: randomBytes(200_000) }
  const manifest: ArchiveEntry = { name: 'manifest.json', data: STATIC }
  const cases: readonly [string, () => Buffer, number, number, string][] = [
    ['nothing', () => Buffer.alloc(0), 400, 125, 'empty'],
    ['no archive', () => randomBytes(5_000), 400, 135, 'gzip'],
    ['a plain file, compressed', () => gzipSync(randomBytes(5_000)), 400, 135, 'tar'],
    ['a truncated archive', () => makeArchive([filler, manifest]).subarray(0, 100_000), 400, 135, 'ends too early'],
    ['a path that leads out', () => makeArchive([manifest, { name: '../evil.sh', data: 'x' }]), 400, 135, '../evil.sh'],
    ['an absolute path', () => makeArchive([manifest, { name: '/etc/cron.d/evil', data: 'x' }]), 400, 135, '/etc/cron.d/evil'],
    [
      'a symbolic link',
      () => makeArchive([manifest, { name: 'link', type: '2', linkTarget: '/etc/shadow' }]),
      400,
      135,
      '"link" is a symbolic link',
    ],
    [
      'a hard link',
      () => makeArchive([manifest, { name: 'hard', type: '1', linkTarget: '/etc/shadow' }]),
      400,
      135,
      '"hard" is a hard link',
    ],
    ['a device', () => makeArchive([manifest, { name: 'null', type: '3' }]), 400, 135, '"null" is a device'],
    ['a named pipe', () => makeArchive([manifest, { name: 'pipe', type: '6' }]), 400, 135, '"pipe" is a named pipe'],
    ['a bomb of 10 GB', () => makeBomb([manifest], 10, 1 << 30), 413, 25, 'decompression bomb'],
    ['too many bytes', () => makeArchive([manifest, { name: 'big', data: randomBytes(5 << 20) }]), 413, 25, 'larger than 4 MiB'],
    ['too many files', () => makeArchive(Array.from({ length: 1_001 }, (_, i) => ({ name: `f${i}` }))), 413, 25, '1000 files'],
    ['no manifest', () => makeArchive({ 'index.html': 'x' }), 400, 38, 'no manifest.json'],
    ['a manifest that is no JSON', () => makeArchive({ 'manifest.json': '{' }), 400, 38, 'not JSON'],
    ['a manifest of another version', () => makeArchive({ 'manifest.json': '{"version":3}' }), 400, 38, 'version 3'],
    ['a manifest without a type', () => makeArchive({ 'manifest.json': '{"version":1,"metadata":{}}' }), 400, 38, 'appmode'],
    [
      'an unknown type',
      () => makeArchive({ 'manifest.json': '{"version":1,"metadata":{"appmode":"cobol"}}' }),
      400,
      148,
      'cobol',
    ],
    [
      'a type that is not run here',
      () => makeArchive({ 'manifest.json': '{"version":1,"metadata":{"appmode":"python-dash"}}' }),
      400,
      147,
      'shiny',
    ],
    [
      'a manifest with NUL',
      () => makeArchive({ 'manifest.json': '{"version":1,"metadata":{"appmode":"static","x":"\\u0000"}}' }),
      400,
      38,
      'NUL',
    ],
    ['requirements that are missing', () => makeArchive({ 'app.py': '', 'manifest.json': FLASK }), 400, 38, 'not in the bundle'],
    [
      'requirements that are huge',
      () => makeArchive({ 'requirements.txt': randomBytes(300_000), 'manifest.json': FLASK }),
      400,
      38,
      'larger than',
    ],
  ]
  test.each(cases)('%s', async (_name, archive, status, code, why) => {
    const files = await server.archiveFiles()
    const audit = await server.sql`select count(*) from audit`
    const answer = await upload(archive())
    expect([answer.status, answer.json?.code]).toEqual([status, code])
    expect(answer.json.error).toContain(why)
    expect(await server.sql`select 1 from bundles where content_guid = ${guid}`).toHaveLength(0)
    expect(await server.archiveFiles()).toEqual(files)
    expect(await server.sql`select count(*) from audit`).toEqual(audit)
  })

  test('a client that goes away in the middle', async () => {
    const files = await server.archiveFiles()
    await new Promise<void>((resolve) => {
      const socket = createConnection(server.settings.httpSocket)
      socket.write(`POST ${url()} HTTP/1.1\r\nHost: x\r\nAuthorization: Key ${publisher.key}\r\nContent-Length: 100000\r\n\r\n`)
      socket.write(makeArchive([filler, manifest]).subarray(0, 50_000), () => setTimeout(() => socket.destroy(), 50))
      socket.on('close', () => resolve())
    })
    await waitFor('the half upload to be gone', async () => (await server.archiveFiles()).length === files.length)
    expect(await server.sql`select 1 from bundles where content_guid = ${guid}`).toHaveLength(0)
  })

  test('a form without an archive', async () => {
    const body = '--XX\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n--XX--\r\n'
    const answer = await upload(body, { 'content-type': 'multipart/form-data; boundary=XX' })
    expect([answer.status, answer.json.code]).toEqual([400, 12])
  })

  test('a form that breaks off', async () => {
    const files = await server.archiveFiles()
    const head = '--XX\r\nContent-Disposition: form-data; name="archive"; filename="b"\r\n\r\n'
    const answer = await upload(Buffer.concat([Buffer.from(head), makeArchive(page)]), {
      'content-type': 'multipart/form-data; boundary=XX',
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(await server.archiveFiles()).toEqual(files)
  })

  test('at the start what a crash left of uploads is removed, and what is being uploaded is not', async () => {
    const made = await upload(makeArchive(page))
    const directory = join(server.settings.dataDir, 'bundles', guid)
    await mkdir(directory, { recursive: true })
    const uuid = '00000000-0000-4000-8000-000000000000'
    const dead = join(directory, `upload~${hostname()}~4194304~1~${uuid}`)
    const start = (await readFile(`/proc/${process.pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')[19]
    const live = join(directory, `upload~${hostname()}~${process.pid}~${start}~${uuid}`)
    const foreignOld = join(directory, `upload~elsewhere~1~1~${uuid}`)
    const orphan = join(directory, '999999.tar.gz')
    for (const path of [dead, live, foreignOld, orphan]) await writeFile(path, 'x')
    const longAgo = new Date(Date.now() - 48 * 3_600_000)
    for (const path of [foreignOld, orphan, join(directory, `${made.json.id}.tar.gz`)]) await utimes(path, longAgo, longAgo)
    const removed = await createArchiveDirectory(server.settings.dataDir).sweep({
      now: new Date(),
      exists: async (_guid, id) => (await server.sql`select 1 from bundles where id = ${id}`).length > 0,
    })
    expect(removed.toSorted()).toEqual([dead, foreignOld, orphan].toSorted())
  })
})

describe('deploying', () => {
  test('writes deployment and task in one go, and rings', async () => {
    const { id } = (await upload(makeArchive(page))).json
    const answer = await server.call('POST', `/__api__/v1/content/${guid}/deploy`, {
      key: publisher.key,
      body: { bundle_id: id, activate: false },
      headers: { traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01' },
    })
    expect(answer.status).toBe(202)
    expect(answer.json).toEqual({ task_id: expect.stringMatching(/^[0-9A-Za-z]{16}$/) })
    const [row] = await server.sql`select * from deployments where content_guid = ${guid}`
    expect(row).toMatchObject({
      bundle_id: BigInt(id),
      task_id: answer.json.task_id,
      activate: false,
      requested_by: publisher.guid,
      state: 'queued',
      traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
    })
    expect(server.rung.at(-1)).toBe(row?.id)
    const task = await server.call('GET', `/__api__/v1/tasks/${answer.json.task_id}`, { key: publisher.key })
    expect(task.json).toEqual({ id: answer.json.task_id, output: [], result: null, finished: false, code: 0, error: '', last: 0 })
  })

  test('without an id: the active bundle, else the newest', async () => {
    const first = (await upload(makeArchive(page))).json.id
    const second = (await upload(makeArchive({ ...page, more: 'x' }))).json.id
    const deployed = async (): Promise<string> =>
      String(
        (await server.sql`select bundle_id from deployments where content_guid = ${guid} order by created_time desc limit 1`)[0]
          ?.bundle_id,
      )
    for (const body of [undefined, {}, [], { bundle_id: null }, { bundle_id: {} }, { bundle_id: [] }]) {
      expect((await deploy(body)).status).toBe(202)
      expect(await deployed()).toBe(second)
    }
    await activate(first)
    await deploy({})
    expect(await deployed()).toBe(first)
    await deploy({ bundle_id: Number(second) })
    expect(await deployed()).toBe(second)
  })

  test('what cannot be deployed', async () => {
    expect((await deploy({})).json.code).toBe(28)
    expect((await deploy({ bundle_id: '99999999' })).json.code).toBe(4)
    expect((await deploy({ bundle_id: 'x' })).status).toBe(400)
    const mine = guid
    guid = await createContent()
    const { id } = (await upload(makeArchive(page))).json
    guid = mine
    expect((await deploy({ bundle_id: id })).json.code).toBe(82)
    expect((await deploy({}, other.key)).status).toBe(403)
    await upload(makeArchive(page))
    await server.call('PATCH', `/__api__/v1/content/${guid}`, { key: publisher.key, body: { locked: true } })
    expect((await deploy({})).status).toBe(403)
    expect(await server.sql`select 1 from deployments where content_guid = ${guid}`).toHaveLength(0)
  })

  test('the type of content that was deployed cannot change', async () => {
    const { id } = (await upload(makeArchive(page))).json
    const draft = (await upload(makeArchive({ 'requirements.txt': '', 'manifest.json': FLASK }))).json.id
    await activate(id)
    const answer = await upload(makeArchive({ 'requirements.txt': '', 'manifest.json': FLASK }))
    expect([answer.status, answer.json.code]).toEqual([403, 48])
    expect((await deploy({ bundle_id: draft })).json.code).toBe(48)
    const site = JSON.stringify({ version: 1, metadata: { appmode: 'static', content_category: 'site' } })
    expect((await upload(makeArchive({ 'manifest.json': site }))).json.code).toBe(110)
    const parameterized = JSON.stringify({ version: 1, metadata: { appmode: 'static', has_parameters: true } })
    expect((await upload(makeArchive({ 'manifest.json': parameterized }))).json.code).toBe(111)
  })

  test('bundles are deleted with their archive, but not the active one nor one being deployed', async () => {
    const active = (await upload(makeArchive(page))).json.id
    const busy = (await upload(makeArchive(page))).json.id
    const old = (await upload(makeArchive(page))).json.id
    await activate(active)
    await deploy({ bundle_id: busy })
    const remove = (id: string): Promise<Answer> => server.call('DELETE', url(`/${id}`), { key: publisher.key })
    expect((await remove(active)).json.code).toBe(75)
    expect((await remove(busy)).json.code).toBe(75)
    expect(await server.archiveFiles()).toContain(`${old}.tar.gz`)
    expect((await remove(old)).status).toBe(204)
    expect(await server.archiveFiles()).not.toContain(`${old}.tar.gz`)
    expect((await remove(old)).status).toBe(404)
    const bundles = (await server.call('GET', url(), { key: publisher.key })).json
    expect(bundles.map((bundle: { id: string; active: boolean }) => [bundle.id, bundle.active])).toEqual([
      [busy, false],
      [active, true],
    ])
  })

  test('deleting content takes its archives along', async () => {
    const { id } = (await upload(makeArchive(page))).json
    await activate(id)
    await deploy({})
    expect((await server.call('DELETE', `/__api__/v1/content/${guid}`, { key: publisher.key })).status).toBe(204)
    expect(await server.archiveFiles()).not.toContain(`${id}.tar.gz`)
    expect(await server.sql`select 1 from bundles where id = ${id}`).toHaveLength(0)
  })
})

describe('following a task', () => {
  const newTask = (): Promise<string> =>
    server.sql.begin((tx) =>
      server.tasks.createTask(tx, {
        kind: 'deploy',
        userGuid: publisher.guid as never,
        contentGuid: guid as never,
        traceparent: null,
      }),
    )
  const poll = async (id: string, query: string): Promise<Answer & { ms: number }> => {
    const begin = performance.now()
    const answer = await server.call('GET', `/__api__/v1/tasks/${id}${query}`, { key: publisher.key })
    return { ...answer, ms: performance.now() - begin }
  }

  test('without wait the answer comes at once', async () => {
    const id = await newTask()
    await server.tasks.appendLines(id as never, ['one', 'two'])
    const answer = await poll(id, '')
    expect(answer.json).toMatchObject({ output: ['one', 'two'], last: 2, finished: false })
    expect((await poll(id, '?first=1')).json).toMatchObject({ output: ['two'], last: 2 })
    expect((await poll(id, '?first=9')).json).toMatchObject({ output: [], last: 2 })
  })

  test('wait without first is not cut short by lines, old or new', async () => {
    const id = await newTask()
    await server.tasks.appendLines(id as never, ['old'])
    const waiting = poll(id, '?wait=1')
    await server.tasks.appendLines(id as never, ['new'])
    const answer = await waiting
    expect(answer.ms).toBeGreaterThan(900)
    expect(answer.json).toMatchObject({ output: ['old', 'new'], last: 2 })
  })

  test('wait with first answers when lines beyond it exist', async () => {
    const id = await newTask()
    await server.tasks.appendLines(id as never, ['a'])
    expect((await poll(id, '?first=0&wait=30')).ms).toBeLessThan(5_000)
    const waiting = poll(id, '?first=1&wait=30')
    await server.tasks.appendLines(id as never, ['b'])
    const answer = await waiting
    expect(answer.ms).toBeLessThan(5_000)
    expect(answer.json).toMatchObject({ output: ['b'], last: 2 })
  })

  test('the end wakes everybody, and the finished task stays', async () => {
    const id = await newTask()
    const waiting = [poll(id, '?wait=30'), poll(id, '?first=5&wait=30')]
    await server.tasks.appendLines(id as never, ['last words'])
    await server.tasks.finish(id as never, { kind: 'failed', error: 'It\nfailed' })
    for (const answer of await Promise.all(waiting)) {
      expect(answer.json).toMatchObject({ finished: true, code: 1, error: 'It failed', last: 1 })
      expect(answer.ms).toBeLessThan(5_000)
    }
    await server.tasks.appendLines(id as never, ['too late'])
    await server.tasks.finish(id as never, { kind: 'succeeded' })
    expect((await poll(id, '?wait=30')).json).toMatchObject({ finished: true, code: 1, output: ['last words'] })
  })

  test('success is code 0 and an empty error', async () => {
    const id = await newTask()
    await server.tasks.finish(id as never, { kind: 'succeeded', result: { type: 'url', data: 'x' } })
    expect((await poll(id, '')).json).toMatchObject({ finished: true, code: 0, error: '', result: { type: 'url', data: 'x' } })
  })

  test('a change written by another control plane is heard', async () => {
    const id = await newTask()
    const waiting = poll(id, '?first=0&wait=30')
    await server.sql.begin(async (tx) => {
      await tx`insert into task_lines (task_id, line, text) values (${id}, 0, 'from afar')`
      await tx`update tasks set line_count = 1 where id = ${id}`
      await tx`select pg_notify('task_changed', ${id})`
    })
    expect((await waiting).json.output).toEqual(['from afar'])
  })

  test('lines of several writers are numbered without gaps', async () => {
    const id = await newTask()
    await Promise.all(
      Array.from({ length: 20 }, (_, writer) => server.tasks.appendLines(id as never, [`${writer} a`, `${writer} b`])),
    )
    const { output, last } = (await poll(id, '')).json
    expect([output.length, last]).toEqual([40, 40])
    for (let line = 0; line < 40; line += 2) expect(output[line + 1]).toBe(output[line].replace('a', 'b'))
  })

  test('tasks of others are out of reach, unknown ones are code 141', async () => {
    const id = await newTask()
    expect((await server.call('GET', `/__api__/v1/tasks/${id}`, { key: other.key })).status).toBe(403)
    expect((await poll('nonsense', '')).json.code).toBe(141)
  })
})

describe('jobs', () => {
  async function addJob(columns: { phase: string; finalized?: boolean }): Promise<string> {
    const [node] = await server.sql<{ id: string }[]>`insert into nodes (id, name) values (gen_random_uuid(), 'n') returning id`
    const key = createHash('md5').update(randomBytes(8)).digest('hex').slice(0, 16)
    await server.sql`
      insert into processes (id, key, kind, tag, content_guid, content_id, bundle_id, node_id, work, run_as, stop_grace_ms, kill_grace_ms, phase,
        finalized, host_pid, exit_code, hostname)
      values (gen_random_uuid(), ${key}, 'service', 'run_python_api', ${guid}, 7, 8, ${node?.id ?? ''}, '{}', 'nobody', 0, 0, ${columns.phase},
        ${columns.finalized ?? false}, 4711, ${columns.phase === 'exited' ? 3 : null}, 'host')`
    return key
  }
  const job = (key: string, rest = '', as = publisher.key): Promise<Answer> =>
    server.call('GET', `/__api__/v1/content/${guid}/jobs/${key}${rest}`, { key: as })

  test('are listed newest first, for collaborators', async () => {
    const first = await addJob({ phase: 'exited', finalized: true })
    const second = await addJob({ phase: 'exited' })
    const third = await addJob({ phase: 'ready' })
    const listed = await server.call('GET', `/__api__/v1/content/${guid}/jobs`, { key: publisher.key })
    expect(listed.json.map((row: { key: string; status: number }) => [row.key, row.status])).toEqual([
      [third, 0],
      [second, 1],
      [first, 2],
    ])
    expect((await job(third)).json).toMatchObject({
      pid: '4711',
      ppid: null,
      tag: 'run_python_api',
      run_as: 'nobody',
      content_id: '7',
      bundle_id: '8',
    })
    expect((await job(third, '', other.key)).status).toBe(403)
    expect((await job('nonsense')).json.code).toBe(4)
  })

  test('deleting one registers an order; one that has ended is 409 with code 163', async () => {
    const key = await addJob({ phase: 'ready' })
    const order = await server.call('DELETE', `/__api__/v1/content/${guid}/jobs/${key}`, { key: publisher.key })
    expect([order.status, order.json]).toEqual([200, expect.objectContaining({ app_guid: guid, job_key: key })])
    const [row] = await server.sql`select intent, stop_reason from processes where key = ${key}`
    expect(row).toMatchObject({ intent: 'stop', stop_reason: 'killed' })
    const ended = await addJob({ phase: 'exited' })
    const late = await server.call('DELETE', `/__api__/v1/content/${guid}/jobs/${ended}`, { key: publisher.key })
    expect([late.status, late.json.code]).toEqual([409, 163])
  })

  test('a job of other content is not found through this one', async () => {
    const key = await addJob({ phase: 'ready' })
    guid = await createContent()
    expect((await job(key)).json.code).toBe(4)
    expect((await server.call('DELETE', `/__api__/v1/content/${guid}/jobs/${key}`, { key: publisher.key })).json.code).toBe(4)
  })

  test('logs come as entries, as text, and cut to the last lines', async () => {
    const key = await addJob({ phase: 'ready' })
    const [row] = await server.sql<{ id: string }[]>`select id from processes where key = ${key}`
    await server.sql`
      insert into process_log_chunks (process_id, stream, start_offset, data, at)
      values (${row?.id ?? ''}, 'stderr', 0, ${Buffer.from('one\ntwo\nthree\n')}, now())`
    const entries = (await job(key, '/log')).json.entries
    expect(entries.map((entry: { source: string; data: string }) => `${entry.source} ${entry.data}`)).toEqual([
      'stderr one',
      'stderr two',
      'stderr three',
    ])
    expect((await job(key, '/log?maxLogLines=1')).json.entries).toMatchObject([{ data: 'three' }])
    const text = await job(key, '/download')
    expect(text.headers['content-type']).toMatch(/^text\/plain/)
    expect(text.text.split('\n')[0]).toMatch(/Z \[stderr\] one$/)
    expect((await job(key, '/error')).json).toEqual({})
    expect((await job(await addJob({ phase: 'exited' }), '/error')).json).toMatchObject({ exit_code: 3 })
  })

  test('a download has every line that is stored, however long the log, with both streams in order of time', async () => {
    const key = await addJob({ phase: 'exited' })
    const [row] = await server.sql<{ id: string }[]>`select id from processes where key = ${key}`
    const numbers = Array.from({ length: 25_000 }, (_, number) => `line ${number}`)
    const bytes = Buffer.from(`${numbers.join('\n')}\n`)
    // Chunks end in the middle of lines.
    for (let at = 0; at < bytes.length; at += 10_007) {
      await server.sql`
        insert into process_log_chunks (process_id, stream, start_offset, data, at)
        values (${row?.id ?? ''}, 'stdout', ${at}, ${bytes.subarray(at, at + 10_007)}, '2026-01-01T00:00:00Z'::timestamptz + ${at} * interval '1 millisecond')`
    }
    await server.sql`
      insert into process_log_chunks (process_id, stream, start_offset, data, at)
      values (${row?.id ?? ''}, 'stderr', 0, ${Buffer.from('between')}, '2026-01-01T00:00:15Z')`
    const lines = (await job(key, '/download')).text.split('\n')
    const stdout = lines.filter((line) => line.includes(' [stdout] '))
    expect(stdout.map((line) => line.replace(/^.* \[stdout\] /, ''))).toEqual(numbers)
    expect(lines.filter((line) => line.endsWith('Z [stderr] between'))).toHaveLength(1)
    expect(lines).toHaveLength(numbers.length + 2)
  })

  test('the page of a manager gets content with living processes in one call', async () => {
    const key = await addJob({ phase: 'ready' })
    await addJob({ phase: 'exited' })
    const { json } = await server.call('GET', '/__api__/berth/v1/contents', { key: publisher.key })
    const mine = json.find((item: { guid: string }) => item.guid === guid)
    expect(mine.processes.map((row: { key: string }) => row.key)).toEqual([key])
    expect((await server.call('GET', '/__api__/berth/v1/contents', { key: other.key })).json).toEqual([])
  })
})
