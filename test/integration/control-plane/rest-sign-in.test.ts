import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, type RestServer, startRestServer } from './rest-server.js'

const PASSWORD = 'correct horse battery'
let server: RestServer

beforeAll(async () => {
  server = await startRestServer()
  await server.identity.createUser(null, { username: 'ann', role: 'publisher', password: PASSWORD })
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.sql`delete from sign_in_attempts`
})

function signIn(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  return server.call('POST', '/__login__', {
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': '192.0.2.7', ...headers },
    body: new URLSearchParams(form).toString(),
  })
}

function cookiesOf(answer: Answer): Map<string, string> {
  return new Map(
    [answer.headers['set-cookie'] ?? []].flat().map((cookie) => {
      const [pair = ''] = cookie.split(';')
      return [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    }),
  )
}

async function session(): Promise<{ cookie: string; token: string; xsrf: string }> {
  const cookies = cookiesOf(await signIn({ username: 'ann', password: PASSWORD }))
  const token = cookies.get('berth_session') ?? ''
  const xsrf = cookies.get('RSC-XSRF') ?? ''
  return { token, xsrf, cookie: `berth_session=${token}; RSC-XSRF=${xsrf}` }
}

describe('the page', () => {
  test('has the fields that tools look for and needs no script', async () => {
    const { status, text, headers } = await server.call('GET', '/__login__')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html/)
    expect(text).toMatch(/<input id="username" name="username"/)
    expect(text).toMatch(/<input id="password" name="password" type="password"/)
    expect(text).toMatch(/<button type="submit" data-automation="login-panel-submit">Sign in</)
    expect(text).toMatch(/<form method="post" action="\/__login__">/)
    expect(headers['content-security-policy']).toContain("default-src 'none'")
  })

  test('what comes in by the address cannot break out of the page', async () => {
    const { text } = await server.call('GET', `/__login__?url=${encodeURIComponent('/"><script>alert(1)</script>')}`)
    expect(text).not.toContain('<script>alert')
  })
})

describe('signing in', () => {
  test('goes to the dashboard with both cookies', async () => {
    const answer = await signIn({ username: 'ann', password: PASSWORD, url: '' })
    expect([answer.status, answer.headers.location]).toEqual([303, '/connect/'])
    const cookies = [answer.headers['set-cookie'] ?? []].flat()
    expect(cookies[0]).toMatch(/^berth_session=[\w-]{43}; HttpOnly; Path=\/; SameSite=Lax; Expires=/)
    expect(cookies[1]).toMatch(/^RSC-XSRF=\w{32}; Path=\/; SameSite=Lax; Expires=/)
    expect(cookies.join()).not.toContain('Secure')
  })

  test('behind https the cookies are Secure, behind a prefix they stay below it', async () => {
    const answer = await signIn(
      { username: 'ann', password: PASSWORD },
      { 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/berth' },
    )
    expect(answer.headers.location).toBe('/berth/connect/')
    expect([answer.headers['set-cookie'] ?? []].flat()[0]).toContain('Path=/berth/; SameSite=Lax; Secure')
  })

  test('the way back is kept when it is on this site', async () => {
    const path = '/content/11111111-1111-4111-8111-111111111111/?a=b'
    expect((await signIn({ username: 'ann', password: PASSWORD, url: path })).headers.location).toBe(path)
    expect((await signIn({ username: 'ann', password: PASSWORD, url: '//evil.example/' })).headers.location).toBe('/connect/')
    expect((await signIn({ username: 'ann', password: PASSWORD, url: 'https://evil.example/' })).headers.location).toBe(
      '/connect/',
    )
  })

  test('a wrong password and an unknown user get the same answer', async () => {
    const wrong = await signIn({ username: 'ann', password: 'wrong' })
    const unknown = await signIn({ username: 'bob', password: 'wrong' })
    expect(wrong.status).toBe(401)
    expect(unknown.status).toBe(401)
    const neutral = (text: string): string => text.replaceAll(/nonce="[^"]*"/g, '').replaceAll(/value="(ann|bob)"/g, '')
    expect(neutral(unknown.text)).toBe(neutral(wrong.text))
    expect(cookiesOf(wrong).size).toBe(0)
  })

  test('a form of another site is refused', async () => {
    const form = { username: 'ann', password: PASSWORD }
    expect((await signIn(form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await signIn(form, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await signIn(form, { origin: 'null' })).status).toBe(403)
    expect((await signIn(form, { origin: 'http://berth.test', 'sec-fetch-site': 'same-origin' })).status).toBe(303)
  })

  test('a locked user does not get in', async () => {
    const user = await server.identity.createUser(null, { username: 'lena', role: 'viewer', password: PASSWORD })
    await server.identity.setUserLocked(null, user.guid, true)
    expect((await signIn({ username: 'lena', password: PASSWORD })).status).toBe(401)
  })

  test('a session is stored as a digest', async () => {
    const { token } = await session()
    expect(
      await server.sql`select 1 from sessions where token_sha256 = ${createHash('sha256').update(token).digest()}`,
    ).toHaveLength(1)
  })
})

describe('throttling', () => {
  test('an account is closed after its attempts, also for the right password, and opens again', async () => {
    const attempts = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        signIn({ username: 'ann', password: 'x' }, { 'x-forwarded-for': `192.0.2.${index}` }),
      ),
    )
    expect(attempts.every(({ status }) => status === 401)).toBe(true)
    const refused = await signIn({ username: 'ANN', password: PASSWORD }, { 'x-forwarded-for': '192.0.2.99' })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(200)
    server.passTime(5 * 60_000 + 1_000)
    expect((await signIn({ username: 'ann', password: PASSWORD })).status).toBe(303)
  })

  test('an address is closed after its attempts with many names', async () => {
    await server.sql`insert into sign_in_attempts (subject, window_start, attempts) values ('address 198.51.100.1', now() + interval '1 day', 60)`
    expect((await signIn({ username: 'nobody', password: 'x' }, { 'x-forwarded-for': '198.51.100.1' })).status).toBe(429)
    expect((await signIn({ username: 'ann', password: PASSWORD }, { 'x-forwarded-for': '198.51.100.2' })).status).toBe(303)
  })
})

describe('the session', () => {
  test('opens the API for reading, and for changes with the XSRF token alone', async () => {
    const { cookie, xsrf } = await session()
    expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie } })).json.username).toBe('ann')
    const without = await server.call('POST', '/__api__/v1/content', { headers: { cookie }, body: {} })
    expect([without.status, without.json.code]).toEqual([403, 92])
    const wrong = await server.call('POST', '/__api__/v1/content', {
      headers: { cookie, 'x-rsc-xsrf': 'x'.repeat(32) },
      body: {},
    })
    expect(wrong.status).toBe(403)
    const right = await server.call('POST', '/__api__/v1/content', { headers: { cookie, 'X-RSC-XSRF': xsrf }, body: {} })
    expect(right.status).toBe(200)
    expect((await server.call('GET', '/__api__/berth/v1/whoami', { headers: { cookie } })).json.xsrf).toBe(xsrf)
  })

  test('XSRF does not concern requests with a key, even if cookies come along', async () => {
    const { key } = await server.addUser('publisher')
    const { cookie } = await session()
    const echoed = `${cookie}; Path=/; HttpOnly; SameSite=Lax`
    expect((await server.call('POST', '/__api__/v1/content', { key, headers: { cookie: echoed }, body: {} })).status).toBe(200)
  })

  test('ends by signing out, twice without harm', async () => {
    const { cookie } = await session()
    for (let time = 0; time < 2; time += 1) {
      const left = await server.call('GET', '/__logout__', { headers: { cookie } })
      expect([left.status, left.headers.location]).toEqual([303, '/__login__'])
      expect([left.headers['set-cookie'] ?? []].flat()[0]).toContain('Max-Age=0')
    }
    expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie } })).status).toBe(401)
    expect((await server.call('GET', '/__login__', { headers: { cookie } })).status).toBe(200)
  })

  test('ends by itself when it is idle, and after its lifetime', async () => {
    const idle = await session()
    server.passTime(8 * 3_600_000 + 1)
    expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie: idle.cookie } })).status).toBe(401)
    const busy = await session()
    for (let hour = 0; hour < 24; hour += 6) {
      expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie: busy.cookie } })).status).toBe(200)
      server.passTime(6 * 3_600_000)
    }
    expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie: busy.cookie } })).status).toBe(401)
  })

  test('ends when the password is set anew', async () => {
    const { cookie } = await session()
    await server.identity.setPassword(null, 'ann', PASSWORD)
    expect((await server.call('GET', '/__api__/v1/user', { headers: { cookie } })).status).toBe(401)
  })
})

describe('the page at /connect/', () => {
  test('wants a session and comes back afterwards; its files do not', async () => {
    const closed = await server.call('GET', '/connect/', { headers: { accept: 'text/html' } })
    expect([closed.status, closed.headers.location]).toEqual([302, '/__login__?url=%2Fconnect%2F'])
    expect((await server.call('GET', '/')).headers.location).toBe('/connect/')
    expect((await server.call('GET', '/connect')).headers.location).toBe('/connect/')
    expect((await server.call('GET', '/connect/page.js')).status).toBe(200)
    const { cookie } = await session()
    const open = await server.call('GET', '/connect/', { headers: { cookie } })
    expect([open.status, open.text]).toEqual([200, '<!doctype html><title>Berth</title>'])
  })

  test('gives out its own files only', async () => {
    for (const path of ['/connect/../rest-server.ts', '/connect/%2e%2e/secret.key', '/connect/..%2fsecret.key']) {
      expect([path, (await server.call('GET', path)).status]).toEqual([path, 404])
    }
  })
})

describe('visits', () => {
  test('the gateway asks with the digest of a session or a key', async () => {
    const { token } = await session()
    const { key, guid } = await server.addUser('publisher')
    const { json: content } = await server.call('POST', '/__api__/v1/content', { key, body: { access_type: 'acl' } })
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
    const ask = (credential: Parameters<typeof server.identity.authorizeVisit>[0]['credential'], bundleId = 0n) =>
      server.identity.authorizeVisit({ contentGuid: content.guid, bundleId, credential })
    expect(await ask({ kind: 'none' })).toMatchObject({ decision: 'sign_in', visitor: undefined, maySeeLog: false })
    expect(await ask({ kind: 'api_key', sha256: digest(key) })).toMatchObject({
      decision: 'allow',
      visitor: { userGuid: guid },
      maySeeLog: true,
    })
    expect(await ask({ kind: 'api_key', sha256: digest('nonsense') })).toMatchObject({ decision: 'bad_credential' })
    expect(await ask({ kind: 'session', sha256: digest(token) })).toMatchObject({ decision: 'forbidden' })
    expect(await ask({ kind: 'session', sha256: digest('nonsense') })).toMatchObject({ decision: 'sign_in' })
    const shared = await server.call('PATCH', `/__api__/v1/content/${content.guid}`, { key, body: { access_type: 'all' } })
    expect(shared.json.access_type).toBe('all')
    expect(await ask({ kind: 'none' })).toMatchObject({ decision: 'allow' })
    expect(await ask({ kind: 'session', sha256: digest(token) })).toMatchObject({
      decision: 'allow',
      visitor: { username: 'ann' },
    })
    expect(await ask({ kind: 'session', sha256: digest(token) }, 77n)).toMatchObject({ decision: 'forbidden' })
    expect(await ask({ kind: 'none' }, 77n)).toMatchObject({ decision: 'sign_in' })
  })
})
