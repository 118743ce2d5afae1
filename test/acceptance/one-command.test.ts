// Point 1: one command starts all of it, killed parts come back, Ctrl-C leaves nothing, a killed Berth is taken over.
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findLeftovers, listCgroups } from '@berth/testing/leftovers.js'
import { isAlive } from '@berth/testing/process-table.js'
import { type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import { createRsconnectClient, type RsconnectClient } from '@berth/testing/rsconnect-client.js'
import { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'

const SECRET = randomBytes(32).toString('base64')

let berth: TestBerth
let client: RsconnectClient
let key: string
let probe: Published
let page: Published

beforeAll(async () => {
  berth = await TestBerth.start({
    bootstrapSecret: SECRET,
    settings: { Scheduler: { IdleTimeout: '10m', StopGrace: '5s', KillGrace: '3s' } },
  })
  client = await createRsconnectClient()
})

afterAll(async () => {
  client?.remove()
  try {
    await berth?.stop()
  } finally {
    await berth?.remove()
  }
})

test('the ready line says that Berth is ready and where, and --no-samples leaves it unprovisioned', async () => {
  expect(berth.log()).toContain(berth.address)
  expect(existsSync(join(berth.record.dirs.data, 'administrator.txt'))).toBe(false)
  expect((await berth.rest(null).get('//__ping__')).status).toBe(200)
  expect((await berth.rest(null).get('/v1/user')).status).toBe(401)
})

test('only the agent runs as root', () => {
  const parts = berth.parts()
  expect(Object.keys(parts).sort()).toEqual(['agent', 'control-plane', 'gateway', 'postgres', 'redis'])
  expect(parts.agent?.uid).toBe(0)
  const others = [parts['control-plane'], parts.gateway, parts.postgres, parts.redis].map((part) => part?.uid)
  expect(others).not.toContain(0)
  expect(new Set(others).size).toBe(3) // berth-server, berth-gateway, and berth-db twice
})

test('rsconnect bootstrap makes the first administrator, once', async () => {
  const file = join(client.home, 'secret')
  writeFileSync(file, SECRET)
  const made = await client.ok(['bootstrap', '--server', berth.address, '--jwt-keypath', file, '--raw'])
  key = made.stdout.trim()
  expect(key).toMatch(/^[0-9A-Za-z]{32}$/)
  const me = (await berth.rest(key).ok('GET', '/v1/user')).json
  expect(me).toMatchObject({ username: '__bootstrap_admin__', user_role: 'administrator' })
  const status = async (path: string): Promise<unknown> =>
    JSON.parse((await client.run(['bootstrap', '--server', berth.address, '--jwt-keypath', path])).stdout)
  expect(await status(file)).toMatchObject({ status: 403, api_key: '' })
  const wrong = join(client.home, 'wrong')
  writeFileSync(wrong, randomBytes(32).toString('base64'))
  expect(await status(wrong)).toMatchObject({ status: 401, api_key: '' })
})

test('content is published and runs', async () => {
  const rest = berth.rest(key)
  probe = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'survives' })
  page = await publish(rest, readContent('test/content/plain-static'), { title: 'static' })
  expect((await rest.ok('GET', probe.url)).json.pid).toBeTypeOf('number')
  expect((await rest.ok('GET', page.url)).text).toContain('version one')
})

test('a taken port is one clear line, and nothing is left of that start', async () => {
  const second = await TestBerth.prepare({ settings: { HTTP: { Listen: `127.0.0.1:${berth.record.port}` } } })
  try {
    const child = await second.spawnUp()
    await waitFor('the second Berth to give up', () => child.exitCode() !== null)
    expect(child.exitCode()).toBeGreaterThan(0)
    const lines = second
      .log()
      .split('\n')
      .filter((line) => line.includes(String(berth.record.port)))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/in use|taken|already/i)
    await second.stop()
  } finally {
    await second.remove()
  }
})

test('a second berth up on the same directories refuses', async () => {
  const before = berth.record.up
  const log = berth.log()
  const { spawnSync } = await import('node:child_process')
  const second = spawnSync('/usr/lib/berth/current/bin/berth', ['up', '--config', berth.configFile, '--no-samples'], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect(second.status).toBeGreaterThan(0)
  expect(second.stderr + second.stdout).toMatch(/already|runs/i)
  expect(berth.record.up).toEqual(before)
  expect(log.length).toBeGreaterThan(0)
  expect((await berth.rest(key).get('/v1/user')).status).toBe(200)
})

test.each(['gateway', 'redis', 'agent', 'control-plane', 'postgres'] as const)(
  'a killed %s is started again and everything works on',
  async (name) => {
    const rest = berth.rest(key)
    const pid = (await rest.ok('GET', probe.url)).json.pid
    const before = berth.part(name)
    process.kill(before.pid, 'SIGKILL')
    await berth.partAfter(name, before)
    await waitFor('the probe to answer', async () => (await rest.get(probe.url)).status === 200)
    await waitFor('REST to answer', async () => (await rest.get('/v1/content')).status === 200)
    // Content went on, whatever died.
    expect((await rest.ok('GET', probe.url)).json.pid).toBe(pid)
    // And a new deployment runs through all of it.
    if (name === 'postgres') await publish(rest, readContent('test/content/probe-wsgi'))
  },
)

test('Ctrl-C stops all of it, content too, and leaves no process, mount, cgroup or socket behind', async () => {
  await berth.rest(key).ok('GET', probe.url)
  await berth.stop()
})

test('starting again finds all content', async () => {
  await berth.up()
  const rest = berth.rest(key)
  const titles = ((await rest.ok('GET', '/v1/content')).json as { title: string }[]).map((content) => content.title)
  expect(titles).toEqual(expect.arrayContaining(['survives', 'static']))
  expect((await rest.ok('GET', page.url)).text).toContain('version one')
  expect((await rest.ok('GET', probe.url)).json.pid).toBeTypeOf('number')
})

test('after SIGKILL of berth up content, Postgres and Redis live on, and the next start takes them over', async () => {
  const rest = berth.rest(key)
  await rest.ok('POST', `${probe.url}run`, Buffer.from('kept["state"] = "kept in memory"'))
  const { postgres, redis, gateway } = berth.parts()
  const up = berth.record.up
  if (up === null || postgres === undefined || redis === undefined || gateway === undefined) throw new Error('not all parts run')
  process.kill(up.pid, 'SIGKILL')
  await waitFor('the gateway to notice', () => !isAlive(gateway))
  expect(isAlive(postgres)).toBe(true)
  expect(isAlive(redis)).toBe(true)
  const content = findLeftovers({ dirs: [], uids: [berth.accounts.standard.uid], cgroupsBefore: listCgroups() })
  expect(content.length).toBeGreaterThan(0)

  await berth.up()
  expect(isAlive(postgres)).toBe(true)
  expect(isAlive(redis)).toBe(true)
  const answer = await waitFor('the probe to answer', async () => {
    const one = await rest.call('POST', `${probe.url}run`, Buffer.from('result = kept.get("state")'))
    return one.status === 200 ? one : undefined
  })
  expect(answer.json).toBe('kept in memory')
})

test('SIGKILL, then a start, then Ctrl-C: nothing is left either', async () => {
  await berth.stop()
})
