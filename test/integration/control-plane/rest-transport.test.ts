import { stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { ENDPOINTS } from '@berth/api-contract/endpoints.js'
import { serverSettings } from '@berth/api-contract/server-settings.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RestServer, startRestServer } from './rest-server.js'

let server: RestServer
let key: string

beforeAll(async () => {
  server = await startRestServer()
  key = (await server.addUser('publisher')).key
})
afterAll(() => server.stop())

describe('the contract', () => {
  test('every route is in the contract and every endpoint of the contract is a route', () => {
    const ours = server.routes.filter(
      (route) => !route.startsWith('HEAD ') && !/ (\/|\/connect.*|\/\.well-known\/\*)$/.test(route),
    )
    expect(ours.toSorted()).toEqual(ENDPOINTS.map(({ method, path }) => `${method} ${path}`).toSorted())
  })

  test('the OpenAPI document describes them', async () => {
    const { status, json } = await server.call('GET', '/__docs__/openapi.json')
    expect(status).toBe(200)
    expect(json.openapi).toBe('3.1.0')
    expect(json.servers).toEqual([{ url: 'http://berth.test' }])
    expect(json.paths['/__api__/v1/content/{guid}'].patch.requestBody.content['application/json'].schema.type).toBe('object')
  })
})

describe('transport', () => {
  test('the socket is for its owner and group only', async () => {
    expect((await stat(server.settings.httpSocket)).mode & 0o777).toBe(0o660)
  })

  test.each([undefined, 'valid'])('an unknown API route is 404 in plain text (%s key)', async (which) => {
    const answer = await server.call('GET', '/__api__/v1/nothing', { key: which && key })
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toMatch(/^text\/plain/)
  })

  test('an unknown method of a known path is 404 in plain text', async () => {
    const answer = await server.call('PUT', '/__api__/v1/user', { key })
    expect([answer.status, answer.json]).toEqual([404, undefined])
  })

  test('a missing object of a known route is JSON with code 4', async () => {
    const answer = await server.call('GET', '/__api__/v1/content/00000000-0000-4000-8000-000000000000', { key })
    expect(answer.status).toBe(404)
    expect(answer.json).toEqual({ code: 4, error: expect.any(String), payload: null })
  })

  test('an object id that is none is code 3', async () => {
    expect((await server.call('GET', '/__api__/v1/content/nonsense', { key })).json.code).toBe(3)
  })

  test.each(['text/plain;charset=UTF-8', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', ''])(
    'bodies are JSON whatever the type says: %j',
    async (type) => {
      const answer = await server.call('POST', '/__api__/v1/content', {
        key,
        headers: type === '' ? {} : { 'content-type': type },
        body: Buffer.from('{"title":"A title"}'),
      })
      expect(answer.json).toMatchObject({ title: 'A title' })
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
    },
  )

  test('a body that is not JSON is 400, and 401 for a stranger', async () => {
    expect((await server.call('POST', '/__api__/v1/content', { key, body: '{nonsense' })).json).toMatchObject({ code: 121 })
    expect((await server.call('POST', '/__api__/v1/content', { body: '{nonsense' })).status).toBe(401)
  })

  test('a body beyond the limit is 413', async () => {
    const answer = await server.call('POST', '/__api__/v1/content', { key, body: Buffer.alloc(3 << 20, 0x20) })
    expect(answer.status).toBe(413)
  })

  test.each(['/__api__/../__api__/v1/user', '/x/../__api__/./v1/user', '/__api__/%2e%2e/__api__/v1/user'])(
    'dot segments are gone before routing: %s',
    async (path) => {
      expect((await server.call('GET', path, { key })).status).toBe(200)
    },
  )

  test('no header tells what we are made of', async () => {
    const { headers } = await server.call('GET', '/__api__/server_settings')
    expect(headers['x-powered-by']).toBeUndefined()
    expect(headers.server).toBeUndefined()
  })

  test('a request that is no HTTP does not hurt', async () => {
    await new Promise<void>((resolve) => {
      const socket = createConnection(server.settings.httpSocket)
      socket.on('close', () => resolve())
      socket.on('error', () => resolve())
      socket.resume()
      socket.end('\x16\x03\x01 nonsense\r\n\r\n')
    })
    expect((await server.call('GET', '/__ping__')).status).toBe(200)
  })
})

describe('public endpoints', () => {
  test('ping, metrics and no OAuth', async () => {
    expect((await server.call('GET', '/__ping__')).json).toEqual({})
    const metrics = await server.call('GET', '/metrics')
    expect(metrics.text).toContain('process_cpu_seconds_total')
    expect((await server.call('GET', '/.well-known/oauth-authorization-server')).status).toBe(404)
  })

  test('server_settings says the version that clients decide by', async () => {
    const { json } = await server.call('GET', '/__api__/server_settings')
    expect(serverSettings.parse(json)).toMatchObject({ version: '2026.06.0', execution_type: 'native', logout_url: '__logout__' })
    expect(json.about).toMatch(/^Berth v/)
    expect(json.license['allow-apis']).toBe(true)
  })

  test.each(['applications', 'scheduler', 'scheduler/shiny', 'scheduler/python-api'])('server_settings/%s', async (path) => {
    expect((await server.call('GET', `/__api__/server_settings/${path}`)).status).toBe(401)
    expect((await server.call('GET', `/__api__/server_settings/${path}`, { key })).status).toBe(200)
  })

  test('interpreters are those that hosts report, newest first', async () => {
    await server.sql`insert into nodes (id, name, facts) values (gen_random_uuid(), 'a', ${server.sql.json({
      pythons: [{ version: '3.9.2' }, { version: '3.11.2' }],
      rs: [{ version: '4.2.2' }],
    })})`
    const python = await server.call('GET', '/__api__/v1/server_settings/python', { key })
    expect(python.json).toMatchObject({ api_enabled: true, installations: [{ version: '3.11.2' }, { version: '3.9.2' }] })
    expect((await server.call('GET', '/__api__/v1/server_settings/r', { key })).json.installations).toHaveLength(1)
    expect((await server.call('GET', '/__api__/v1/server_settings/nodejs', { key })).json).toEqual({
      installations: [],
      enabled: false,
    })
    for (const name of ['quarto', 'tensorflow']) {
      expect((await server.call('GET', `/__api__/v1/server_settings/${name}`, { key })).json).toEqual({ installations: [] })
    }
  })
})
