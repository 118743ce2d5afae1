import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, BOOTSTRAP_SECRET, type Call, type RestServer, startRestServer } from './rest-server.js'

let server: RestServer

beforeAll(async () => {
  server = await startRestServer()
})
afterAll(() => server.stop())

// Made by hand as the client makes it, not with the library that checks it.
function bootstrapToken(change: Readonly<Record<string, unknown>> = {}, secret = BOOTSTRAP_SECRET, alg = 'HS256'): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'rsconnect-python', aud: 'rsconnect', scope: 'bootstrap', iat: now, exp: now + 900, ...change }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  const signature = alg === 'none' ? '' : createHmac('sha256', Buffer.from(secret, 'base64')).update(body).digest('base64url')
  return `${body}.${signature}`
}

const bootstrap = (authorization?: string, call: Call = {}): Promise<Answer> =>
  server.call('POST', '/__api__/v1/experimental/bootstrap', {
    ...call,
    headers: { ...call.headers, ...(authorization === undefined ? {} : { authorization }) },
  })

describe('bootstrap', () => {
  const past = Math.floor(Date.now() / 1000) - 3600
  test.each([
    ['no header', undefined],
    ['a header without a token', 'Connect-Bootstrap '],
    ['the scheme alone', 'Connect-Bootstrap'],
    ['a bearer that is no token', 'Bearer invalid'],
    ['a token under another scheme', () => `Bearer ${bootstrapToken()}`],
    ['an API key', `Key ${'a'.repeat(32)}`],
    ['garbage', 'Connect-Bootstrap garbage'],
    ['a wrong issuer', () => `Connect-Bootstrap ${bootstrapToken({ iss: 'somebody' })}`],
    ['a wrong audience', () => `Connect-Bootstrap ${bootstrapToken({ aud: 'somebody' })}`],
    ['a wrong scope', () => `Connect-Bootstrap ${bootstrapToken({ scope: 'everything' })}`],
    ['no scope', () => `Connect-Bootstrap ${bootstrapToken({ scope: undefined })}`],
    ['no end', () => `Connect-Bootstrap ${bootstrapToken({ exp: undefined })}`],
    ['a wrong secret', () => `Connect-Bootstrap ${bootstrapToken({}, Buffer.alloc(32, 1).toString('base64'))}`],
    ['an expired token', () => `Connect-Bootstrap ${bootstrapToken({ iat: past - 900, exp: past })}`],
    ['an unsigned token', () => `Connect-Bootstrap ${bootstrapToken({}, BOOTSTRAP_SECRET, 'none')}`],
  ] as const)('%s is 401 with code 166', async (_name, authorization) => {
    const answer = await bootstrap(typeof authorization === 'function' ? authorization() : authorization)
    expect(answer.status).toBe(401)
    expect(answer.json.code).toBe(166)
  })

  test('the token as a form body instead of a header is 401', async () => {
    const answer = await bootstrap(undefined, {
      body: `Authorization=${encodeURIComponent(`Connect-Bootstrap ${bootstrapToken()}`)}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(answer.status).toBe(401)
  })

  test('before it, nobody is anybody', async () => {
    expect((await server.call('GET', '/__api__/me')).status).toBe(401)
    expect((await server.call('GET', '/__api__/me', { key: 'a'.repeat(32) })).status).toBe(401)
  })

  test('the right token gives a key of the first administrator, once', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => bootstrap(`Connect-Bootstrap ${bootstrapToken()}`)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403, 403])
    const { api_key: key } = answers.find(({ status }) => status === 200)?.json ?? {}
    expect(key).toMatch(/^[0-9A-Za-z]{32}$/)
    const me = await server.call('GET', '/__api__/me', { key })
    expect(me.json).toMatchObject({ username: '__bootstrap_admin__', user_role: 'administrator', confirmed: true, locked: false })
    const again = await bootstrap(`Connect-Bootstrap ${bootstrapToken()}`)
    expect([again.status, again.json.code]).toEqual([403, 165])
    const alias = await server.call('POST', '/__api__/v1/bootstrap', {
      headers: { authorization: `Connect-Bootstrap ${bootstrapToken()}` },
    })
    expect(alias.status).toBe(403)
  })

  test('afterwards a bad token is still 401', async () => {
    expect((await bootstrap(`Connect-Bootstrap ${bootstrapToken({ iss: 'x' })}`)).status).toBe(401)
  })

  test('a bootstrap token opens nothing else', async () => {
    const headers = { authorization: `Connect-Bootstrap ${bootstrapToken()}` }
    expect((await server.call('GET', '/__api__/me', { headers })).status).toBe(401)
    expect((await server.call('GET', '/__api__/server_settings', { headers })).status).toBe(401)
  })

  test('it is 404 when it is switched off', async () => {
    const other = await startRestServer({ bootstrap: { enabled: false, secretKeyBase64: BOOTSTRAP_SECRET } })
    try {
      const answer = await other.call('POST', '/__api__/v1/experimental/bootstrap', {
        headers: { authorization: `Connect-Bootstrap ${bootstrapToken()}` },
      })
      expect(answer.status).toBe(404)
    } finally {
      await other.stop()
    }
  })
})

describe('credentials', () => {
  test('a key opens in either header, with and without the word', async () => {
    const { key, guid } = await server.addUser('publisher')
    for (const headers of [
      { authorization: `Key ${key}` },
      { 'x-rsc-authorization': `Key ${key}` },
      { 'x-rsc-authorization': key },
      { 'x-rsc-authorization': key, authorization: 'Snowflake Token="x"' },
    ]) {
      const { json } = await server.call('GET', '/__api__/v1/user', { headers: headers as Record<string, string> })
      expect(json.guid).toBe(guid)
    }
  })

  test.each([
    ['a wrong key', { authorization: `Key ${'b'.repeat(32)}` }],
    ['an empty key', { authorization: 'Key ' }],
    ['a wrong key in the other header', { 'x-rsc-authorization': 'bogus' }],
    ['a bearer', { authorization: 'Bearer invalid' }],
    ['a signed request', { 'x-auth-token': `T${'0'.repeat(32)}`, 'x-auth-signature': 'x' }],
  ])('%s is 401 with code 30, on public endpoints too', async (_name, headers) => {
    for (const path of ['/__api__/v1/user', '/__api__/server_settings', '/__ping__']) {
      const answer = await server.call('GET', path, { headers: headers as unknown as Record<string, string> })
      expect([path, answer.status, answer.json.code]).toEqual([path, 401, 30])
    }
  })

  test('anonymous-access means nobody, not a bad credential', async () => {
    const headers = { 'x-auth-token': 'anonymous-access' }
    expect((await server.call('GET', '/__api__/server_settings', { headers })).status).toBe(200)
    const answer = await server.call('GET', '/__api__/v1/user', { headers })
    expect([answer.status, answer.json.code]).toEqual([401, 24])
  })

  test('keys are stored as digests', async () => {
    const { key } = await server.addUser('publisher')
    const rows = await server.sql`select to_jsonb(k) as row from api_keys k`
    expect(JSON.stringify(rows)).not.toContain(key)
    const digest = createHash('sha256').update(key).digest()
    expect(await server.sql`select 1 from api_keys where key_sha256 = ${digest}`).toHaveLength(1)
  })

  test('a locked user is 403 with code 50, and comes back unchanged', async () => {
    const admin = await server.addUser('administrator')
    const user = await server.addUser('publisher')
    const before = await server.call('GET', `/__api__/v1/users/${user.guid}`, { key: admin.key })
    await server.call('POST', `/__api__/v1/users/${user.guid}/lock`, { key: admin.key, body: { locked: true } })
    const refused = await server.call('GET', '/__api__/v1/user', { key: user.key })
    expect([refused.status, refused.json.code]).toEqual([403, 50])
    await server.call('POST', `/__api__/v1/users/${user.guid}/lock`, { key: admin.key, body: { locked: false } })
    const after = await server.call('GET', `/__api__/v1/users/${user.guid}`, { key: admin.key })
    expect(after.json).toEqual(before.json)
  })
})

describe('users and keys', () => {
  test('only an administrator adds users', async () => {
    const admin = await server.addUser('administrator')
    const publisher = await server.addUser('publisher')
    const body = { username: 'newcomer', email: 'n@example.org', password: 'a good password' }
    expect((await server.call('POST', '/__api__/v1/users', { key: publisher.key, body })).status).toBe(403)
    const added = await server.call('POST', '/__api__/v1/users', { key: admin.key, body })
    expect(added.json).toMatchObject({ username: 'newcomer', user_role: 'publisher', confirmed: true })
    const twice = await server.call('POST', '/__api__/v1/users', { key: admin.key, body: { ...body, username: 'Newcomer' } })
    expect([twice.status, twice.json.code]).toEqual([409, 8])
    const weak = await server.call('POST', '/__api__/v1/users', { key: admin.key, body: { username: 'weak', password: 'short' } })
    expect([weak.status, weak.json.code]).toEqual([400, 6])
    const odd = await server.call('POST', '/__api__/v1/users', { key: admin.key, body: { username: 'a b' } })
    expect([odd.status, odd.json.code]).toEqual([400, 7])
  })

  test('pages of users', async () => {
    const { key } = await server.addUser('viewer', 'page-viewer')
    const all = await server.call('GET', '/__api__/v1/users?page_size=500', { key })
    expect(all.json.total).toBe(all.json.results.length)
    const second = await server.call('GET', '/__api__/v1/users?page_size=2&page_number=2', { key })
    expect(second.json).toEqual({ results: all.json.results.slice(2, 4), current_page: 2, total: all.json.total })
    const beyond = await server.call('GET', '/__api__/v1/users?page_number=999', { key })
    expect(beyond.json).toEqual({ results: [], current_page: 999, total: all.json.total })
    const prefix = await server.call('GET', '/__api__/v1/users?prefix=PAGE-', { key })
    expect(prefix.json.results).toHaveLength(1)
    const wildcard = await server.call('GET', '/__api__/v1/users?prefix=%25', { key })
    expect(wildcard.json.results).toHaveLength(0)
    expect((await server.call('GET', '/__api__/v1/users?page_number=0', { key })).status).toBe(400)
    const roles = await server.call('GET', '/__api__/v1/users?user_role=viewer|publisher&page_size=500', { key })
    expect(new Set(roles.json.results.map((user: { user_role: string }) => user.user_role))).toEqual(
      new Set(['viewer', 'publisher']),
    )
  })

  test('the last administrator stays', async () => {
    const other = await startRestServer()
    try {
      const admin = await other.addUser('administrator')
      const locked = await other.call('POST', `/__api__/v1/users/${admin.guid}/lock`, { key: admin.key, body: { locked: true } })
      expect([locked.status, locked.json.code]).toEqual([400, 61])
      const demoted = await other.call('PUT', `/__api__/v1/users/${admin.guid}`, {
        key: admin.key,
        body: { user_role: 'viewer' },
      })
      expect([demoted.status, demoted.json.code]).toEqual([400, 61])
    } finally {
      await other.stop()
    }
  })

  test('nobody raises their own role', async () => {
    const { key, guid } = await server.addUser('viewer')
    const answer = await server.call('PUT', `/__api__/v1/users/${guid}`, { key, body: { user_role: 'administrator' } })
    expect(answer.status).toBe(403)
    expect((await server.call('PUT', `/__api__/v1/users/${guid}`, { key, body: { first_name: 'Ann' } })).json.first_name).toBe(
      'Ann',
    )
  })

  test('three shapes of who am I', async () => {
    const { key, guid } = await server.addUser('viewer')
    for (const path of ['v1/user', 'me', 'users/current']) {
      expect((await server.call('GET', `/__api__/${path}`, { key })).json).toMatchObject({ guid, privileges: [], password: '' })
    }
    expect((await server.call('GET', '/__api__/users/current', { key })).json.id).toEqual(expect.any(Number))
    expect((await server.call('GET', '/__api__/berth/v1/whoami', { key })).json).toMatchObject({ user: { guid }, xsrf: null })
  })

  test('keys are made, listed without the key, and deleted', async () => {
    const { key, guid } = await server.addUser('publisher')
    const made = await server.call('POST', `/__api__/v1/users/${guid}/keys`, { key, body: { name: 'laptop' } })
    expect(made.json.key).toMatch(/^[0-9A-Za-z]{32}$/)
    expect((await server.call('GET', '/__api__/v1/user', { key: made.json.key })).status).toBe(200)
    const listed = await server.call('GET', `/__api__/v1/users/${guid}/keys`, { key })
    expect(listed.json.map((row: { name: string }) => row.name)).toEqual(['test', 'laptop'])
    expect(listed.text).not.toContain(made.json.key)
    const removed = await server.call('DELETE', `/__api__/v1/users/${guid}/keys/${made.json.id}`, { key })
    expect([removed.status, removed.text]).toEqual([204, ''])
    expect((await server.call('GET', '/__api__/v1/user', { key: made.json.key })).status).toBe(401)
    expect((await server.call('DELETE', `/__api__/v1/users/${guid}/keys/${made.json.id}`, { key })).status).toBe(404)
  })

  test('keys of others are out of reach', async () => {
    const victim = await server.addUser('publisher')
    const { key } = await server.addUser('publisher')
    const admin = await server.addUser('administrator')
    expect((await server.call('GET', `/__api__/v1/users/${victim.guid}/keys`, { key })).status).toBe(403)
    expect((await server.call('POST', `/__api__/v1/users/${victim.guid}/keys`, { key, body: { name: 'x' } })).status).toBe(403)
    expect(
      (await server.call('POST', `/__api__/v1/users/${victim.guid}/keys`, { key: admin.key, body: { name: 'x' } })).status,
    ).toBe(403)
  })

  test('the audit record has what was done, page by page', async () => {
    const admin = await server.addUser('administrator')
    const publisher = await server.addUser('publisher')
    expect((await server.call('GET', '/__api__/v1/audit_logs', { key: publisher.key })).status).toBe(403)
    const first = await server.call('GET', '/__api__/v1/audit_logs?limit=3', { key: admin.key })
    expect(Object.keys(first.json.results[0])).toEqual([
      'id',
      'time',
      'user_id',
      'user_guid',
      'user_description',
      'action',
      'event_description',
    ])
    expect(first.json.paging.cursors.previous).toBeNull()
    const second = await server.call('GET', new URL(first.json.paging.next).pathname + new URL(first.json.paging.next).search, {
      key: admin.key,
    })
    expect(Number(second.json.results[0].id)).toBeLessThan(Number(first.json.results[2].id))
    const back = await server.call(
      'GET',
      new URL(second.json.paging.previous).pathname + new URL(second.json.paging.previous).search,
      { key: admin.key },
    )
    expect(back.json.results).toEqual(first.json.results)
    let cursor: string | null = first.json.paging.cursors.next
    let pages = 0
    while (cursor !== null && pages < 200) {
      const page: Answer = await server.call('GET', `/__api__/v1/audit_logs?limit=50&next=${cursor}`, { key: admin.key })
      cursor = page.json.paging.cursors.next
      pages += 1
    }
    expect(cursor).toBeNull()
  })
})

describe('processes have keys of their own', () => {
  test('R-064 a process speaks for its owner, but never as administrator, and only while it lives', async () => {
    const owner = await server.addUser('administrator')
    const { json: content } = await server.call('POST', '/__api__/v1/content', { key: owner.key, body: {} })
    const [node] = await server.sql<{ id: string }[]>`insert into nodes (id, name) values (gen_random_uuid(), 'n') returning id`
    const [row] = await server.sql<{ id: string }[]>`
      insert into processes (id, key, kind, tag, content_guid, node_id, work, run_as, stop_grace_ms, kill_grace_ms)
      values (gen_random_uuid(), 'k0', 'service', 'run_app', ${content.guid}, ${node?.id ?? ''}, '{}', 'nobody', 0, 0) returning id`
    const processId = row?.id as Parameters<typeof server.identity.createProcessKey>[0]
    const before = await server.identity.createProcessKey(processId, owner.guid as never)
    const key = await server.identity.createProcessKey(processId, owner.guid as never)
    expect((await server.call('GET', '/__api__/v1/user', { key: before })).status).toBe(401)
    expect((await server.call('GET', '/__api__/v1/user', { key })).json.guid).toBe(owner.guid)
    const change = await server.call('PATCH', `/__api__/v1/content/${content.guid}`, { key, body: { run_as: null } })
    expect(change.status).toBe(403)
    const minted = await server.call('POST', `/__api__/v1/users/${owner.guid}/keys`, { key, body: { name: 'escape' } })
    expect(minted.status).toBe(403)
    await server.sql`update processes set phase = 'exited' where id = ${processId}`
    expect((await server.call('GET', '/__api__/v1/user', { key })).status).toBe(401)
  })
})
