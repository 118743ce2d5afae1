import { describe, expect, test } from 'vitest'
import {
  deriveAgentSettings,
  deriveControlPlaneSettings,
  deriveGatewaySettings,
  derivePaths,
  splitWords,
} from './derive-part-settings.js'
import { loadConfig } from './load-config.js'

const PASSWORDS = { postgres: 'pg-secret', redis: 'redis-secret' }
const load = (environment: Record<string, string> = {}) => loadConfig({}, environment)

describe('TempDir', () => {
  test('R-049 is our TMPDIR, and /tmp without one', () => {
    expect(load({ TMPDIR: '/scratch' }).tempDir).toBe('/scratch')
    expect(load().tempDir).toBe('/tmp')
    expect(load({ TMPDIR: '' }).tempDir).toBe('/tmp')
  })

  test('R-050 the setting wins over the variable', () => {
    expect(load({ TMPDIR: '/scratch', BERTH_SERVER_TEMPDIR: '/big' }).tempDir).toBe('/big')
  })
})

test('the paths follow DataDir and RunDir, and each can be set', () => {
  const paths = derivePaths(load({ BERTH_SERVER_DATADIR: '/srv/x', BERTH_SERVER_RUNDIR: '/run/x' }))
  expect(paths).toMatchObject({
    stateDir: '/srv/x-agent',
    controlSocket: '/run/x/control/control.sock',
    httpSocket: '/run/x/control/http.sock',
    databaseSocketDir: '/run/x/db',
  })
  expect(derivePaths(load({ BERTH_AGENT_STATEDIR: '/disk' })).stateDir).toBe('/disk')
})

test('only the control plane gets secrets', () => {
  const secret = Buffer.alloc(32, 1).toString('base64')
  const config = load({ BERTH_BOOTSTRAP_ENABLED: 'true', BERTH_BOOTSTRAP_SECRETKEY: secret })
  const control = JSON.stringify(deriveControlPlaneSettings(config, PASSWORDS, '/usr/lib/berth/b'))
  for (const hidden of ['pg-secret', 'redis-secret', secret]) expect(control).toContain(hidden)
  const others = JSON.stringify([deriveAgentSettings(config, null, '/usr/lib/berth/b'), deriveGatewaySettings(config)])
  for (const hidden of ['pg-secret', 'redis-secret', secret]) expect(others).not.toContain(hidden)
})

test('an external database keeps its URL, with the password put in', () => {
  const config = load({ DATABASE_URL: 'postgres://me@db/berth', BERTH_POSTGRES_PASSWORD: 'p@ss/word', REDIS_URL: 'redis://r:1' })
  const settings = deriveControlPlaneSettings(config, { postgres: null, redis: null }, '/x')
  expect(settings.postgres).toEqual({ kind: 'url', url: 'postgres://me:p%40ss%2Fword@db/berth' })
  expect(settings.redis).toEqual({ kind: 'url', url: 'redis://r:1' })
})

test('older names count where the newer one is not set', () => {
  const config = load({ BERTH_JOBS_MAXCOMPLETED: '7', BERTH_RETENTION_JOBS: '9', BERTH_JOBS_OLDESTCOMPLETED: '1d' })
  expect(deriveControlPlaneSettings(config, PASSWORDS, '/x').retention).toMatchObject({ jobsPerContent: 9, jobAgeMs: 86_400_000 })
})

test('the agent dials loopback when the control plane listens everywhere', () => {
  const settings = deriveAgentSettings(load({ BERTH_CLUSTER_LISTEN: ':4000' }), 'token', '/x')
  expect(settings.controlPlane).toEqual({ host: '127.0.0.1', port: 4000 })
  expect(settings.runAs.allow).toBeNull()
  expect(settings.serviceAccounts).toEqual(['berth-server', 'berth-gateway', 'berth-db'])
})

test('HTTP.Listen without a host means every address', () => {
  expect(deriveGatewaySettings(load()).listen).toEqual({ host: '::', port: 3939 })
  expect(deriveGatewaySettings(load({ BERTH_HTTP_LISTEN: '[::1]:80' })).listen).toEqual({ host: '::1', port: 80 })
})

test.each([
  ['', []],
  ['/usr/bin/nice -n 2', ['/usr/bin/nice', '-n', '2']],
  ['/s "two words" \'a "b"\' c\\ d', ['/s', 'two words', 'a "b"', 'c d']],
  ['/s --x="1 2"', ['/s', '--x=1 2']],
  ['  /s   ""  ', ['/s', '']],
])('R-101 the words of the supervisor %j', (text, words) => {
  expect(splitWords(text)).toEqual(words)
})
