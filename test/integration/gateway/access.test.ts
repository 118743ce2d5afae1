import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage, until } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const OPEN = '11111111-2222-3333-4444-555555555555'
const CLOSED = '22222222-2222-3333-4444-555555555555'
const UNDEPLOYED = '33333333-2222-3333-4444-555555555555'
const HTML = { Accept: 'text/html,*/*' }
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('who may see content (publisher-api 3.8)', () => {
  let stage: GatewayStage
  let rightsVersion = 1n
  let app: { processId: string; socketPath: string }
  const publish = async (): Promise<void> => {
    stage.routes.publish([
      contentRoute(OPEN, { processes: [app] }, { rightsVersion, bundles: [{ bundleId: 2n, processes: [app] }] }),
      contentRoute(CLOSED, { processes: [app] }, { accessType: 'acl', rightsVersion }),
      { ...contentRoute(UNDEPLOYED, {}, { activeBundleId: 0n }), bundles: [] },
    ])
    await stage.inForce()
  }
  beforeAll(async () => {
    stage = await GatewayStage.start()
    app = await stage.process((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers })))
    await publish()
  })
  beforeEach(async () => {
    // Nothing remembered, nothing counted.
    rightsVersion += 1n
    await publish()
    stage.routes.authorized.length = 0
    stage.routes.onAuthorize = () => ({ decision: 'sign_in' })
  })
  afterAll(() => stage.stop())

  test('content for all is served to anybody, and nobody is asked', async () => {
    const answer = await ask(stage.port, `/content/${OPEN}/`)
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body).headers['rstudio-connect-credentials']).toBeUndefined()
    expect(stage.routes.authorized).toHaveLength(0)
  })

  test('browsers are led to the sign-in page, programs get 401 with code 24', async () => {
    const browser = await ask(stage.port, `/content/${CLOSED}/a?b=c&d`, { headers: HTML })
    expect(browser.status).toBe(302)
    expect(browser.headers.location).toBe(`/__login__?url=${encodeURIComponent(`/content/${CLOSED}/a?b=c&d`)}`)
    const program = await ask(stage.port, `/content/${CLOSED}/`)
    expect(program.status).toBe(401)
    expect(JSON.parse(program.body)).toMatchObject({ code: 24 })
    expect(program.headers['content-type']).toBe('application/json')
  })

  test('the control plane gets a digest, content gets a name, and neither gets the secret', async () => {
    stage.routes.onAuthorize = () => ({
      decision: 'allow',
      visitor: { userGuid: 'u', username: 'ada', groups: ['staff'] },
      cacheMs: 30_000,
    })
    for (const [headers, kind] of [
      [{ Cookie: 'x=1; berth_session=secret' }, 'sessionSha256'],
      [{ Authorization: 'Key secret' }, 'apiKeySha256'],
      [{ 'X-RSC-Authorization': 'secret' }, 'apiKeySha256'],
    ] as const) {
      const answer = await ask(stage.port, `/content/${CLOSED}/`, { headers })
      expect(answer.status).toBe(200)
      expect(JSON.parse(JSON.parse(answer.body).headers['rstudio-connect-credentials'])).toEqual({
        user: 'ada',
        groups: ['staff'],
      })
      expect(answer.body).not.toContain('secret')
      const asked = stage.routes.authorized[0]
      expect(asked?.credential?.$case).toBe(stage.routes.authorized.length === 1 ? 'sessionSha256' : asked?.credential?.$case)
      expect(
        stage.routes.authorized.some(
          (a) => a.credential?.$case === kind && a.credential.value.toString('hex') === sha256('secret'),
        ),
      ).toBe(true)
    }
    // Two credentials, three requests: the third was known.
    expect(stage.routes.authorized).toHaveLength(2)
  })

  test('a decision is remembered until the rights change', async () => {
    stage.routes.onAuthorize = () => ({ decision: 'allow', visitor: { username: 'ada' }, cacheMs: 30_000 })
    const headers = { Cookie: 'berth_session=remembered' }
    expect((await ask(stage.port, `/content/${CLOSED}/`, { headers })).status).toBe(200)
    expect((await ask(stage.port, `/content/${CLOSED}/`, { headers })).status).toBe(200)
    expect(stage.routes.authorized).toHaveLength(1)
    stage.routes.onAuthorize = () => ({ decision: 'forbidden', cacheMs: 30_000 })
    rightsVersion += 1n
    await publish()
    const answer = await ask(stage.port, `/content/${CLOSED}/`, { headers: { ...headers, ...HTML } })
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('You may not see this content')
  })

  test('a wrong API key is 401 everywhere, an ended session only where one is needed', async () => {
    stage.routes.onAuthorize = () => ({ decision: 'bad_credential' })
    const key = await ask(stage.port, `/content/${OPEN}/`, { headers: { Authorization: 'Key bogus', ...HTML } })
    expect(key.status).toBe(401)
    stage.routes.onAuthorize = () => ({ decision: 'sign_in' })
    expect((await ask(stage.port, `/content/${OPEN}/`, { headers: { Cookie: 'berth_session=old' } })).status).toBe(200)
    expect((await ask(stage.port, `/content/${CLOSED}/`, { headers: { Cookie: 'berth_session=old' } })).status).toBe(401)
  })

  test('a draft is asked for by its bundle, and never served to anybody unknown', async () => {
    expect((await ask(stage.port, `/content/${OPEN}/_bundle2/`)).status).toBe(401)
    stage.routes.onAuthorize = (asked) => ({ decision: asked.bundleId === 2n ? 'allow' : 'forbidden', cacheMs: 1_000 })
    const answer = await ask(stage.port, `/content/${OPEN}/_bundle2/x`, { headers: { Authorization: 'Key k' } })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body).url).toBe('/x')
    expect(JSON.parse(answer.body).headers['x-forwarded-prefix']).toBe(`/content/${OPEN}/_bundle2`)
    expect((await ask(stage.port, `/content/${OPEN}/`, { headers: { Authorization: 'Key k' } })).status).toBe(403)
  })

  test('what is not there is 404 with code 4, and an address without its slash gets it', async () => {
    for (const path of [
      `/content/${UNDEPLOYED}/`,
      '/content/44444444-2222-3333-4444-555555555555/',
      `/content/${OPEN}/_bundle9/`,
    ]) {
      const answer = await ask(stage.port, path)
      expect([path, answer.status, JSON.parse(answer.body).code]).toEqual([path, 404, 4])
    }
    const slash = await ask(stage.port, `/content/${OPEN}?a=b`)
    expect([slash.status, slash.headers.location]).toEqual([302, `/content/${OPEN}/?a=b`])
    expect((await ask(stage.port, `/__api__/../content/${OPEN}/`)).status).toBe(200)
  })

  test('requests that could be understood differently are refused', async () => {
    const answer = await ask(stage.port, `/content/${OPEN}/`, { headers: { Host: 'a/b' } })
    expect(answer.status).toBe(400)
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`X-${i}`, '1']))
    expect((await ask(stage.port, `/content/${OPEN}/`, { headers: many })).status).toBe(431)
  })

  test('while the control plane is away those whom we know go on, and others hear when to come back', async () => {
    stage.routes.onAuthorize = () => ({ decision: 'allow', visitor: { username: 'ada' }, cacheMs: 1 })
    const known = { Cookie: 'berth_session=known' }
    expect((await ask(stage.port, `/content/${CLOSED}/`, { headers: known })).status).toBe(200)
    await stage.routes.kill()
    await until(() => stage.gateway.log.some((line) => line.includes('keeping the last routes')))
    expect((await ask(stage.port, `/content/${CLOSED}/`, { headers: known })).status).toBe(200)
    const stranger = await ask(stage.port, `/content/${CLOSED}/`, { headers: { Cookie: 'berth_session=stranger' } })
    expect(stranger.status).toBe(503)
    expect(stranger.headers['retry-after']).toBeDefined()
    expect((await ask(stage.port, `/content/${OPEN}/`)).status).toBe(200)
    expect((await ask(stage.port, '/__api__/v1/user')).status).toBe(503)
    await stage.routes.start()
    stage.routes.loads.length = 0
    await publish()
    stage.routes.onAuthorize = () => ({ decision: 'allow', cacheMs: 1 })
    await until(
      async () =>
        (await ask(stage.port, `/content/${CLOSED}/`, { headers: { Cookie: 'berth_session=stranger' } })).status === 200,
    )
  })
})
