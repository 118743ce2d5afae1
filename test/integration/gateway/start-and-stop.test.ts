import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayExit, startGatewayProcess } from './gateway-process.js'
import { GatewayStage, until } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'

describe('the gateway', () => {
  let stage: GatewayStage
  beforeAll(async () => {
    stage = await GatewayStage.start()
  })
  afterAll(() => stage.stop())
  const sockets = () => ({ controlSocket: stage.routes.socketPath, httpSocket: stage.httpSocket })

  test('says in one line that its port is taken, and ends with 78 so that nobody tries again', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as { port: number }
    const failed = await startGatewayProcess({ ...sockets(), listen: { host: '127.0.0.1', port } }).catch(
      (error: unknown) => error,
    )
    expect(failed).toBeInstanceOf(GatewayExit)
    expect((failed as GatewayExit).code).toBe(78)
    expect((failed as GatewayExit).log).toEqual([
      `port ${port} is taken: stop what listens there, or choose another with --listen or HTTP.Listen`,
    ])
    holder.close()
  })

  test('refuses a trusted proxy that is no address', async () => {
    const failed = await startGatewayProcess({ ...sockets(), trustedProxies: ['proxy.example'] }).catch((error: unknown) => error)
    expect((failed as GatewayExit).log.join()).toContain(
      'Server.TrustedProxy: "proxy.example" is neither an address nor a network',
    )
  })

  test('believes a trusted proxy', async () => {
    const app = await stage.process((req, res) => res.end(JSON.stringify(req.headers)))
    stage.routes.publish([contentRoute(GUID, { processes: [app] })])
    const behind = await startGatewayProcess({ ...sockets(), trustedProxies: ['127.0.0.0/8'] })
    await until(async () => (await ask(behind.port, `/content/${GUID}/`)).status === 200)
    const forwarded = {
      'X-Forwarded-For': '192.0.2.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'public.example',
      'X-Forwarded-Prefix': '/b',
    }
    const answer = await ask(behind.port, `/content/${GUID}/x`, { headers: forwarded })
    expect(JSON.parse(answer.body)).toMatchObject({
      host: 'public.example',
      'x-forwarded-for': '192.0.2.9, 127.0.0.1',
      'x-forwarded-prefix': `/b/content/${GUID}`,
      'rstudio-connect-app-base-url': `https://public.example/b/content/${GUID}`,
    })
    expect(answer.headers['set-cookie']?.[0]).toMatch(new RegExp(`Path=/b/content/${GUID}/; HttpOnly; SameSite=Lax; Secure$`))
    expect(await behind.stop()).toBe(0)
  })

  test('ends when whoever started it is gone', async () => {
    const orphan = await startGatewayProcess(sockets())
    orphan.dropStarter()
    await until(() => orphan.child.exitCode !== null)
    expect(orphan.child.exitCode).toBe(0)
  })

  test('lets a running request finish when it is told to stop', async () => {
    let release = (): void => {}
    let running = false
    const app = await stage.process((_req, res) => {
      running = true
      release = () => res.end('finished')
    })
    stage.routes.publish([contentRoute(GUID, { processes: [app] })])
    const other = await startGatewayProcess(sockets())
    await until(() => other.log.some((line) => line.includes('routes received')))
    const answer = ask(other.port, `/content/${GUID}/`)
    await until(() => running)
    const stopped = other.stop()
    await until(() => other.log.some((line) => line.includes('gateway stops')))
    release()
    expect((await answer).body).toBe('finished')
    expect(await stopped).toBe(0)
  })
})
