import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'

describe('a request to content', () => {
  let stage: GatewayStage
  beforeAll(async () => {
    stage = await GatewayStage.start()
    await stage.controlPlaneHttp((req, res) => {
      res.setHeader('X-Powered-By', 'Somebody/1')
      res.end(JSON.stringify({ url: req.url, headers: req.headers }))
    })
    const app = await stage.process((req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => {
        res.setHeader('Content-Type', 'application/json')
        res.end(
          JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() }),
        )
      })
    })
    stage.routes.publish([contentRoute(GUID, { processes: [app] })])
    await stage.inForce()
  })
  afterAll(() => stage.stop())

  test('reaches its process without the mount prefix, which is told in a header', async () => {
    const answer = await ask(stage.port, `/content/${GUID}/hello/you?x=1`, { headers: { Host: 'berth.example:3939' } })
    expect(answer.status).toBe(200)
    const seen = JSON.parse(answer.body)
    expect(seen.url).toBe('/hello/you?x=1')
    expect(seen.headers).toMatchObject({
      host: 'berth.example:3939',
      'x-forwarded-prefix': `/content/${GUID}`,
      'x-forwarded-host': 'berth.example:3939',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
      'rstudio-connect-app-base-url': `http://berth.example:3939/content/${GUID}`,
      'x-rsc-request': `http://berth.example:3939/content/${GUID}/hello/you?x=1`,
    })
  })

  test('what is not content goes to the control plane with its own path and credentials', async () => {
    const answer = await ask(stage.port, '/__api__/v1/user?a=b', {
      headers: { Authorization: 'Key abc', Cookie: 'berth_session=s', 'X-Forwarded-For': '6.6.6.6' },
    })
    const seen = JSON.parse(answer.body)
    expect(seen.url).toBe('/__api__/v1/user?a=b')
    expect(seen.headers).toMatchObject({ authorization: 'Key abc', cookie: 'berth_session=s', 'x-forwarded-for': '127.0.0.1' })
    expect(answer.headers['x-powered-by']).toBeUndefined()
    expect(answer.headers['x-frame-options']).toBe('DENY')
  })
})
