import { execFileSync } from 'node:child_process'
import { content as contentSchema } from '@berth/api-contract/content.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { contentVariableContext } from '../../../apps/control-plane/dist/platform/secret-box.js'
import { type Answer, type RestServer, startRestServer } from './rest-server.js'

let server: RestServer
let admin: { guid: string; key: string }
let publisher: { guid: string; key: string }
let other: { guid: string; key: string }
let viewer: { guid: string; key: string }
let guid: string

beforeAll(async () => {
  server = await startRestServer()
  admin = await server.addUser('administrator')
  publisher = await server.addUser('publisher')
  other = await server.addUser('publisher')
  viewer = await server.addUser('viewer')
})
afterAll(() => server.stop())
beforeEach(async () => {
  guid = (await create({})).json.guid
})

const create = (body: unknown, key = publisher.key): Promise<Answer> => server.call('POST', '/__api__/v1/content', { key, body })
const get = (key: string, query = ''): Promise<Answer> => server.call('GET', `/__api__/v1/content/${guid}${query}`, { key })
const patch = (body: unknown, key = publisher.key, headers: Record<string, string> = {}): Promise<Answer> =>
  server.call('PATCH', `/__api__/v1/content/${guid}`, { key, body, headers })

describe('creating', () => {
  test('a NUL character is the client’s mistake, wherever it stands', async () => {
    for (const body of [
      { name: 'with_nul', title: 'a\u0000b' },
      { name: 'with_nul', description: '\u0000' },
    ]) {
      const refused = await create(body)
      expect(refused.status).toBe(400)
      expect(refused.json.error).toContain('NUL')
    }
  })

  test('all keys of the contract, the same in every answer', async () => {
    const made = await create({ name: 'my_api', title: 'My API', access_type: 'all', description: 'd', min_processes: 1 })
    expect(made.status).toBe(200)
    expect(contentSchema.strict().parse(made.json)).toMatchObject({
      name: 'my_api',
      title: 'My API',
      app_mode: 'unknown',
      bundle_id: null,
      app_role: 'owner',
    })
    expect(made.json.created_time).toBe(made.json.last_deployed_time)
    expect(made.json.content_url).toBe(`http://berth.test/content/${made.json.guid}/`)
    expect(made.json.dashboard_url).toBe(`http://berth.test/connect/#/apps/${made.json.guid}`)
    const got = await server.call('GET', `/__api__/v1/content/${made.json.guid}`, { key: publisher.key })
    const listed = await server.call('GET', '/__api__/v1/content?name=my_api', { key: publisher.key })
    expect(got.text).toBe(made.text)
    expect(listed.text).toBe(`[${made.text}]`)
  })

  test.each([[{}], [{ name: '' }], [{ name: null }], [[]], [undefined]])('%j gets a name made up', async (body) => {
    const { status, json, text } = await create(body)
    expect([status, text]).toEqual([200, text])
    expect(json.name).toMatch(/^content-[0-9a-z]{8}$/)
  })

  test('a name in use by the same owner is 409 with code 26, by another owner it is free', async () => {
    await create({ name: 'taken-name' })
    const twice = await create({ name: 'taken-name' })
    expect([twice.status, twice.json.code]).toEqual([409, 26])
    expect((await create({ name: 'taken-name' }, other.key)).status).toBe(200)
  })

  test.each([
    [{ name: 'ab' }, 5],
    [{ name: 'with space' }, 5],
    [{ name: 'x'.repeat(65) }, 5],
    [{ title: 'ab' }, 122],
    [{ title: 'x'.repeat(1025) }, 122],
    [{ description: 'x'.repeat(4097) }, 123],
    [{ access_type: 'everyone' }, 117],
    [{ max_processes: 11 }, 150],
    [{ min_processes: 3 }, 150],
    [{ min_processes: 2, max_processes: 1 }, 151],
    [{ load_factor: 1.5 }, 150],
    [{ max_processes: -1 }, 25],
    [{ locked: 'yes' }, 25],
    [{ title: 'a\0bc' }, 25],
  ])('%j is 400', async (body, code) => {
    const answer = await create(body)
    expect([answer.status, answer.json.code]).toEqual([400, code])
  })

  test('viewers do not publish', async () => {
    const answer = await create({}, viewer.key)
    expect([answer.status, answer.json.code]).toEqual([403, 22])
  })

  test('addresses follow Server.Address and forwarded headers', async () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'pub.example', 'x-forwarded-prefix': '/berth' }
    const { json } = await server.call('GET', `/__api__/v1/content/${guid}`, { key: publisher.key, headers })
    expect(json.content_url).toBe(`https://pub.example/berth/content/${guid}/`)
  })
})

describe('who sees what', () => {
  test('content of others is 403 with code 19 unless it is shared or one is administrator', async () => {
    const refused = await get(other.key)
    expect([refused.status, refused.json.code]).toEqual([403, 19])
    expect((await get(admin.key)).json.app_role).toBe('none')
    await patch({ access_type: 'logged_in' })
    expect((await get(other.key)).json.app_role).toBe('viewer')
  })

  test('lists hold what one sees', async () => {
    const guids = async (key: string): Promise<string[]> =>
      (await server.call('GET', '/__api__/v1/content', { key })).json.map((item: { guid: string }) => item.guid)
    expect(await guids(publisher.key)).toContain(guid)
    expect(await guids(other.key)).not.toContain(guid)
    expect(await guids(admin.key)).toContain(guid)
    await patch({ access_type: 'all' })
    expect(await guids(viewer.key)).toContain(guid)
  })

  test('include adds the owner on request only; an unknown one is code 161', async () => {
    expect((await get(publisher.key)).json.owner).toBeUndefined()
    expect((await get(publisher.key, '?include=owner,tags,vanity_url')).json.owner).toMatchObject({ guid: publisher.guid })
    expect((await get(publisher.key, '?include=everything')).json.code).toBe(161)
  })

  test('search finds words in names, titles and descriptions', async () => {
    await patch({ title: 'Quarterly Numbers', description: '100% of them' })
    const search = (q: string): Promise<Answer> =>
      server.call('GET', `/__api__/v1/search/content?include=owner&page_size=5&q=${encodeURIComponent(q)}`, {
        key: publisher.key,
      })
    expect((await search('quarterly numbers owner:@me')).json).toMatchObject({
      total: 1,
      current_page: 1,
      results: [{ guid, owner: { guid: publisher.guid } }],
    })
    expect((await search('100%')).json.total).toBe(1)
    expect((await search('1_0')).json.total).toBe(0)
    expect((await search('nothing-like-it')).json).toEqual({ results: [], current_page: 1, total: 0 })
  })

  test('the unversioned look takes numbers and guids', async () => {
    const { id, name } = (await get(publisher.key)).json
    const legacy = await server.call('GET', `/__api__/applications/${id}`, { key: publisher.key })
    expect(legacy.json).toMatchObject({ id: Number(id), guid, app_mode: 0, owner_username: expect.any(String) })
    expect((await server.call('GET', `/__api__/applications/${guid}`, { key: publisher.key })).text).toBe(legacy.text)
    expect((await server.call('GET', '/__api__/applications/999999', { key: publisher.key })).json.code).toBe(4)
    const me = (await server.call('GET', '/__api__/users/current', { key: publisher.key })).json
    const listed = await server.call('GET', `/__api__/applications?filter=account_id:${me.id}&filter=name:${name}&count=100`, {
      key: publisher.key,
    })
    expect(listed.json).toMatchObject({ count: 1, total: 1, applications: [{ guid }] })
    const none = await server.call('GET', '/__api__/applications?filter=name:none&count=100', { key: publisher.key })
    expect(none.json).toEqual({ applications: [], count: 0, total: 0, continuation: '' })
    expect((await server.call('GET', `/__api__/applications/${id}/config`, { key: publisher.key })).json.config_url).toMatch(
      /\/access$/,
    )
  })
})

describe('changing', () => {
  test('an empty name keeps the name, an empty change changes nothing, null clears', async () => {
    const before = (await get(publisher.key)).json
    expect((await patch({ name: '', title: 'New title', idle_timeout: 30 })).json).toMatchObject({
      name: before.name,
      title: 'New title',
      idle_timeout: 30,
    })
    expect((await patch({})).json.title).toBe('New title')
    expect((await patch({ title: null, idle_timeout: null })).json).toEqual(before)
    expect((await patch({ description: {}, title: [] })).json).toEqual(before)
  })

  test('locking without a message clears it, and so does unlocking', async () => {
    expect((await patch({ locked: true, locked_message: 'frozen' })).json).toMatchObject({
      locked: true,
      locked_message: 'frozen',
    })
    expect((await patch({ locked: true })).json.locked_message).toBe('')
    await patch({ locked: true, locked_message: 'frozen' })
    expect((await patch({ locked: false })).json).toMatchObject({ locked: false, locked_message: '' })
  })

  test('a minimum that was set earlier still binds a new maximum', async () => {
    await patch({ min_processes: 2 })
    expect((await patch({ max_processes: 1 })).json.code).toBe(151)
  })

  test('If-Match is optional; a stale one is 409 with code 106', async () => {
    const { etag } = (await get(publisher.key)).headers as { etag: string }
    const first = await patch({ title: 'First' }, publisher.key, { 'if-match': etag })
    expect(first.status).toBe(200)
    const stale = await patch({ title: 'Second' }, publisher.key, { 'if-match': etag })
    expect([stale.status, stale.json.code]).toEqual([409, 106])
    expect((await patch({ title: 'Third' }, publisher.key, { 'if-match': first.headers.etag as string })).status).toBe(200)
  })

  test('others change nothing, collaborators do', async () => {
    expect((await patch({ title: 'Mine now' }, other.key)).status).toBe(403)
    await server.call('POST', `/__api__/v1/content/${guid}/permissions`, {
      key: publisher.key,
      body: { principal_guid: other.guid, principal_type: 'user', role: 'owner' },
    })
    expect((await patch({ title: 'Ours now' }, other.key)).json).toMatchObject({ title: 'Ours now', app_role: 'editor' })
    expect((await patch({ owner_guid: other.guid }, other.key)).status).toBe(403)
  })

  test('a new owner must be a publisher; the old one keeps nothing', async () => {
    const byItsOwner = await patch({ owner_guid: other.guid })
    expect([byItsOwner.status, byItsOwner.json.code]).toEqual([403, 22])
    const refused = await patch({ owner_guid: viewer.guid }, admin.key)
    expect([refused.status, refused.json.code]).toEqual([403, 156])
    expect(refused.json.error).toContain('permission to publish')
    const given = await server.call('PATCH', `/__api__/v1/content/${guid}`, { key: admin.key, body: { owner_guid: other.guid } })
    expect(given.json.owner_guid).toBe(other.guid)
    expect((await get(publisher.key)).status).toBe(403)
    expect((await server.call('GET', `/__api__/v1/content/${guid}/permissions`, { key: other.key })).json).toEqual([])
  })

  test('every change leaves an audit row, a refused one none', async () => {
    const count = async (): Promise<number> => Number((await server.sql`select count(*) from audit`)[0]?.count)
    const before = await count()
    await patch({ title: 'Audited' })
    expect(await count()).toBe(before + 1)
    await patch({ title: 'Audited' })
    await patch({ title: 'ab' })
    await patch({ title: 'No' }, other.key)
    expect(await count()).toBe(before + 1)
  })

  test('rights that change are told to the gateways', async () => {
    const version = async (): Promise<bigint> =>
      (await server.sql`select rights_version from content where guid = ${guid}`)[0]?.rights_version
    const before = await version()
    await patch({ title: 'No rights' })
    expect(await version()).toBe(before)
    await patch({ access_type: 'all' })
    expect(await version()).toBe(before + 1n)
  })
})

describe('deleting', () => {
  test('is for the owner; 204 with no body; a second time 404', async () => {
    expect((await server.call('DELETE', `/__api__/v1/content/${guid}`, { key: other.key })).status).toBe(403)
    const gone = await server.call('DELETE', `/__api__/v1/content/${guid}`, { key: publisher.key })
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect((await get(publisher.key)).status).toBe(404)
  })

  test('locked content stays', async () => {
    await patch({ locked: true })
    expect((await server.call('DELETE', `/__api__/v1/content/${guid}`, { key: publisher.key })).status).toBe(403)
  })
})

describe('variables', () => {
  const url = (): string => `/__api__/v1/content/${guid}/environment`
  const change = (body: unknown, method = 'PATCH'): Promise<Answer> => server.call(method, url(), { key: publisher.key, body })

  test('names come back sorted, values never; they are sealed at rest', async () => {
    expect(
      (
        await change([
          { name: 'B', value: 'secret-b' },
          { name: 'A', value: 'secret-a' },
        ])
      ).json,
    ).toEqual(['A', 'B'])
    expect(
      (
        await change([
          { name: 'B', value: null },
          { name: 'C', value: '' },
        ])
      ).json,
    ).toEqual(['A', 'C'])
    expect((await server.call('GET', url(), { key: publisher.key })).json).toEqual(['A', 'C'])
    const [row] = await server.sql<
      { value_sealed: Buffer }[]
    >`select value_sealed from content_environment where content_guid = ${guid} and name = 'A'`
    expect(row?.value_sealed.toString('latin1')).not.toContain('secret-a')
    expect(server.secretBox.open(row?.value_sealed ?? Buffer.alloc(0), contentVariableContext(guid, 'A'))).toBe('secret-a')
    const audit = await server.sql`select to_jsonb(a)::text as row from audit a`
    expect(JSON.stringify(audit)).not.toContain('secret-a')
  })

  test('PUT replaces all', async () => {
    await change([{ name: 'A', value: '1' }])
    expect((await change([{ name: 'B', value: '2' }], 'PUT')).json).toEqual(['B'])
    expect((await change([], 'PUT')).json).toEqual([])
  })

  test.each([
    [[{ name: 'PATH', value: 'x' }], 409, 108],
    [
      [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
      409,
      149,
    ],
    [[{ name: 'A B', value: '1' }], 400, 25],
    [{ name: 'A', value: '1' }, 400, 25],
    [[{ name: 'A', value: 'x'.repeat(70_000) }], 400, 25],
  ])('%j is refused', async (body, status, code) => {
    const answer = await change(body)
    expect([answer.status, answer.json.code]).toEqual([status, code])
  })

  test('viewers do not see the names', async () => {
    await patch({ access_type: 'all' })
    expect((await server.call('GET', url(), { key: viewer.key })).status).toBe(403)
  })
})

describe('permissions', () => {
  const url = (id = ''): string => `/__api__/v1/content/${guid}/permissions${id === '' ? '' : `/${id}`}`
  const add = (body: unknown): Promise<Answer> => server.call('POST', url(), { key: publisher.key, body })

  test('are added, changed and removed, and count at once', async () => {
    const made = await add({ principal_guid: viewer.guid, principal_type: 'user', role: 'viewer' })
    expect(made.json).toEqual({
      id: expect.stringMatching(/^\d+$/),
      content_guid: guid,
      principal_guid: viewer.guid,
      principal_type: 'user',
      role: 'viewer',
    })
    expect((await get(viewer.key)).json.app_role).toBe('viewer')
    expect((await server.call('GET', url(), { key: publisher.key })).json).toEqual([made.json])
    expect((await server.call('GET', url(made.json.id), { key: publisher.key })).json).toEqual(made.json)
    expect((await server.call('PUT', url(made.json.id), { key: publisher.key, body: { role: 'owner' } })).json.role).toBe('owner')
    expect((await patch({ title: 'By a viewer' }, viewer.key)).status).toBe(403)
    const removed = await server.call('DELETE', url(made.json.id), { key: publisher.key })
    expect([removed.status, removed.text]).toEqual([204, ''])
    expect((await get(viewer.key)).status).toBe(403)
    expect((await server.call('DELETE', url(made.json.id), { key: publisher.key })).status).toBe(404)
  })

  test('reach members of a group', async () => {
    const [group] = await server.sql<
      { guid: string }[]
    >`insert into groups (guid, name) values (gen_random_uuid(), ${`g-${guid}`}) returning guid`
    await server.sql`insert into group_members (group_guid, user_guid) values (${group?.guid ?? ''}, ${other.guid})`
    await add({ principal_guid: group?.guid, principal_type: 'group', role: 'owner' })
    expect((await get(other.key)).json.app_role).toBe('editor')
  })

  test.each([
    ['the owner', () => ({ principal_guid: publisher.guid, principal_type: 'user', role: 'viewer' }), 400, 34],
    [
      'an unknown user',
      () => ({
        principal_guid: admin.guid.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
        principal_type: 'user',
        role: 'viewer',
      }),
      404,
      9,
    ],
    ['an unknown group', () => ({ principal_guid: viewer.guid, principal_type: 'group', role: 'viewer' }), 404, 153],
    ['another type', () => ({ principal_guid: viewer.guid, principal_type: 'robot', role: 'viewer' }), 400, 152],
    ['another role', () => ({ principal_guid: viewer.guid, principal_type: 'user', role: 'god' }), 400, 112],
  ])('%s cannot be listed', async (_name, body, status, code) => {
    const answer = await add(body())
    expect([answer.status, answer.json.code]).toEqual([status, code])
  })
})

describe('RunAs', () => {
  const GROUP = execFileSync('id', ['-gn', 'nobody'], { encoding: 'utf8' }).trim()
  const MEMBER = 'berth-rest-a'
  const STRANGER = 'berth-rest-b'
  beforeAll(() => {
    // The default account of this file is nobody: its primary group is the shared one.
    execFileSync('useradd', ['--no-create-home', '--gid', GROUP, MEMBER])
    execFileSync('useradd', ['--no-create-home', '--user-group', STRANGER])
  })
  afterAll(() => {
    execFileSync('userdel', [MEMBER])
    execFileSync('userdel', [STRANGER])
  })
  afterEach(async () => {
    await server.sql`delete from processes`
  })
  const asAdmin = (body: unknown): Promise<Answer> => patch(body, admin.key)

  test('R-063 R-067 R-071 an administrator gives content an account of the shared group, and takes it back', async () => {
    expect((await asAdmin({ run_as: MEMBER })).json.run_as).toBe(MEMBER)
    expect((await get(publisher.key)).json.run_as).toBe(MEMBER)
    expect((await asAdmin({ run_as: null })).json.run_as).toBeNull()
  })

  test('R-064 nobody else changes it, not even the owner, not even to what it is', async () => {
    for (const body of [{ run_as: MEMBER }, { run_as: null }, { run_as: '', title: 'Sneaked in' }]) {
      const answer = await patch(body)
      expect([answer.status, answer.json.code]).toEqual([403, 22])
    }
    expect((await get(publisher.key)).json.title).toBeNull()
    const made = await create({ run_as: MEMBER })
    expect([made.status, made.json.code]).toEqual([403, 22])
  })

  test.each([
    ['R-062 root', 'root', 56],
    ['R-065 an account outside the shared group', STRANGER, 58],
    ['an account that does not exist', 'no-such-account', 57],
    ['a system account', 'daemon', 56],
    ['a number', '0', 57],
    ['an option', '--help', 57],
  ])('%s is 400', async (_name, account, code) => {
    const answer = await asAdmin({ run_as: account })
    expect([answer.status, answer.json.code]).toEqual([400, code])
    expect((await get(publisher.key)).json.run_as).toBeNull()
  })

  test('static content has no account, and nobody runs as their visitor yet', async () => {
    await server.sql`update content set app_mode = 'static' where guid = ${guid}`
    expect((await asAdmin({ run_as: MEMBER })).json.code).toBe(55)
    expect((await asAdmin({ run_as_current_user: true })).json.code).toBe(55)
  })

  test('R-070 in one transaction the generation rises, processes are told to go and the audit record knows', async () => {
    const [node] = await server.sql<{ id: string }[]>`insert into nodes (id, name) values (gen_random_uuid(), 'n') returning id`
    await server.sql`
      insert into processes (id, key, kind, tag, content_guid, node_id, work, run_as, stop_grace_ms, kill_grace_ms, phase)
      values (gen_random_uuid(), ${guid.slice(0, 16)}, 'service', 'run_app', ${guid}, ${node?.id ?? ''}, '{}', 'nobody', 0, 0, 'ready')`
    const generation = async (): Promise<bigint> =>
      (await server.sql`select generation from content where guid = ${guid}`)[0]?.generation
    const before = await generation()
    await asAdmin({ run_as: MEMBER })
    expect(await generation()).toBeGreaterThan(before)
    const [process] = await server.sql`select intent, stop_reason from processes where content_guid = ${guid}`
    expect(process?.intent).not.toBe('run')
    expect(process?.stop_reason).toBe('run_as_changed')
    const [row] = await server.sql`select action, detail from audit order by id desc limit 1`
    expect(row).toMatchObject({ action: 'update_run_as', detail: { to: MEMBER, processes_replaced: 1 } })
  })

  test('a change of something else leaves processes alone', async () => {
    const [node] = await server.sql<{ id: string }[]>`insert into nodes (id, name) values (gen_random_uuid(), 'n') returning id`
    await server.sql`
      insert into processes (id, key, kind, tag, content_guid, node_id, work, run_as, stop_grace_ms, kill_grace_ms, phase)
      values (gen_random_uuid(), ${guid.slice(0, 16)}, 'service', 'run_app', ${guid}, ${node?.id ?? ''}, '{}', 'nobody', 0, 0, 'ready')`
    await asAdmin({ title: 'Another title', run_as: null })
    expect((await server.sql`select intent from processes where content_guid = ${guid}`)[0]?.intent).toBe('run')
  })
})
