import { enrollSimAgent, everythingWorks, https, makeRequest, SimAgent } from '@berth/testing/sim-agent.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Core, seedDeployed, startCore } from './core-fixture.js'

let core: Core
beforeAll(async () => {
  core = await startCore()
})
afterAll(async () => {
  await core?.stop()
})

test('an agent enrols with a one-time token, connects, and is told what it should run', async () => {
  const agent = await core.newAgent(everythingWorks)
  agent.connect()
  await waitFor('the first desired state', () => agent.desired.length > 0)
  expect(agent.welcomes[0]?.protocol).toBe(1)
  expect(agent.desired[0]?.processes).toEqual([])
  const seeded = await seedDeployed(core)
  const gateway = core.gateway()
  const { endpoint } = await gateway.acquire(seeded.contentGuid, seeded.bundleId)
  expect(endpoint?.socketPath).toMatch(/^\/run\/berth\/claimed\//)
  expect(agent.desired.at(-1)?.generation).toBeGreaterThan(agent.desired[0]?.generation ?? 0n)
  const spec = agent.desired.flatMap((state) => state.processes).find((one) => one.processId === endpoint?.processId)
  expect(spec).toMatchObject({
    runAs: 'berth',
    content: { guid: seeded.contentGuid, contentId: seeded.contentId, bundleId: seeded.bundleId },
    env: { CONNECT_SERVER: 'http://berth.example/', CONNECT_CONTENT_GUID: seeded.contentGuid },
    work: { $case: 'serve', value: { appMode: 'python-api', entrypoint: 'app:app', pythonVersion: '3.11.2' } },
  })
  expect(spec?.env.CONNECT_CONTENT_JOB_KEY).toBe(spec?.key)
  const secrets = await agent.secrets(spec?.processId ?? '', spec?.fence ?? 0n)
  expect(secrets.CONNECT_API_KEY).toMatch(/^\w{20,}$/)
  await expect(agent.secrets(spec?.processId ?? '', 1n + (spec?.fence ?? 0n))).rejects.toThrow(/not to be launched/)
  agent.disconnect()
})

test('a join token lets in one agent, once', async () => {
  const { token } = (await core.controlPlane.admin(['node-token'])) as { token: string }
  await enrollSimAgent(core.controlPlane.clusterPort, token)
  await expect(enrollSimAgent(core.controlPlane.clusterPort, token)).rejects.toThrow(/401.*was used/)
})

test('without a certificate there are no files, no renewal and no stream', async () => {
  const { ca } = await core.newAgent().then((agent) => agent.identity)
  for (const [method, path] of [
    ['GET', `/artifacts/bundles/${'0'.repeat(64)}`],
    ['POST', '/renew'],
  ] as const) {
    expect((await https(core.controlPlane.clusterPort, { method, path, ca })).status).toBe(401)
  }
})

test('a certificate of another authority opens no stream', async () => {
  const other = await core.newAgent()
  const stranger = new SimAgent({ port: core.controlPlane.clusterPort, identity: { ...other.identity, ...(await selfSigned()) } })
  stranger.connect()
  await waitFor('the stream to end', () => stranger.ended)
  expect(stranger.welcomes).toEqual([])
  stranger.disconnect()
})

test('a node whose row is gone is sent away', async () => {
  const agent = await core.newAgent()
  await core.sql`delete from nodes where id = ${agent.identity.nodeId}`
  agent.connect()
  await waitFor('goodbye', () => agent.goodbyes.length > 0)
  expect(agent.goodbyes).toEqual(['unknown_node'])
  const renewal = await https(core.controlPlane.clusterPort, {
    method: 'POST',
    path: '/renew',
    identity: agent.identity,
    body: await makeRequest(),
  })
  expect(renewal.status).toBe(401)
  agent.disconnect()
})

test('a node renews its certificate under the present one', async () => {
  const agent = await core.newAgent()
  const { key, csr } = await makeRequest()
  const answer = await https(core.controlPlane.clusterPort, {
    method: 'POST',
    path: '/renew',
    identity: agent.identity,
    body: { csr },
  })
  expect(answer.status).toBe(200)
  const renewed = new SimAgent({
    port: core.controlPlane.clusterPort,
    identity: { ...agent.identity, key, certificate: (JSON.parse(answer.text) as { certificate: string }).certificate },
  })
  renewed.connect()
  await waitFor('welcome', () => renewed.welcomes.length > 0)
  renewed.disconnect()
})

async function selfSigned(): Promise<{ key: string; certificate: string }> {
  const { execFileSync } = await import('node:child_process')
  const pem = execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=00000000-0000-4000-8000-000000000002',
      '-keyout',
      '-',
      '-out',
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  ).toString()
  const [key = '', certificate = ''] = [
    /-----BEGIN PRIVATE KEY-----[\s\S]*END PRIVATE KEY-----/.exec(pem)?.[0],
    /-----BEGIN CERTIFICATE-----[\s\S]*END CERTIFICATE-----/.exec(pem)?.[0],
  ]
  return { key, certificate }
}
