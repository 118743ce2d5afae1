import { describe, expect, test } from 'vitest'
import { readGcfg } from './read-gcfg.js'
import { resolveConfig } from './resolve-config.js'

const resolve = (text: string, environment: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  resolveConfig({ document: readGcfg(text, 'berth.gcfg'), environment, flags })

describe('which value wins', () => {
  test('defaults', () => {
    const config = resolve('')
    expect(config.problems).toEqual([])
    expect(config.value('Server', 'DataDir')).toBe('/var/lib/berth')
    expect(config.value('Applications', 'RunAs')).toBe('berth')
    expect(config.value('Scheduler', 'IdleTimeout')).toBe(5_000)
    expect(config.value('Python', 'Executable')).toEqual([])
    expect(config.source('Server', 'DataDir')).toBe('default')
  })

  test('the last line of a property wins, whatever the case of its name', () => {
    const config = resolve('[server]\ndatadir = /a\n[HTTP]\nListen = :80\n[SERVER]\nDATADIR = /b')
    expect(config.value('Server', 'DataDir')).toBe('/b')
    expect(config.source('Server', 'DataDir')).toBe('berth.gcfg:6')
  })

  test('a multi property gathers its lines', () => {
    const config = resolve('[Python]\nExecutable = /usr/bin/python3\nExecutable = /opt/python/3.12/bin/python3')
    expect(config.value('Python', 'Executable')).toEqual(['/usr/bin/python3', '/opt/python/3.12/bin/python3'])
    expect(config.source('Python', 'Executable')).toBe('berth.gcfg:2, berth.gcfg:3')
  })

  test('the environment beats the file, a flag beats both', () => {
    const text = '[Server]\nDataDir = /file\n[HTTP]\nListen = :1'
    const environment = { BERTH_SERVER_DATADIR: '/environment', BERTH_HTTP_LISTEN: ':2' }
    const config = resolve(text, environment, { listen: ':3' })
    expect(config.value('Server', 'DataDir')).toBe('/environment')
    expect(config.source('Server', 'DataDir')).toBe('environment BERTH_SERVER_DATADIR')
    expect(config.value('HTTP', 'Listen')).toBe(':3')
    expect(config.source('HTTP', 'Listen')).toBe('flag --listen')
  })

  test('a multi value in the environment replaces the lines of the file, one value per line', () => {
    const config = resolve('[Python]\nExecutable = /a', { BERTH_PYTHON_EXECUTABLE: '/b\n/c\n' })
    expect(config.value('Python', 'Executable')).toEqual(['/b', '/c'])
  })

  test('DATABASE_URL and REDIS_URL name servers, our own variables beat them', () => {
    const config = resolve('[Postgres]\nURL = postgres://file/x', {
      DATABASE_URL: 'postgres://db/x',
      REDIS_URL: 'redis://r',
      BERTH_REDIS_URL: 'redis://ours',
    })
    expect(config.value('Postgres', 'URL')).toBe('postgres://db/x')
    expect(config.value('Redis', 'URL')).toBe('redis://ours')
  })

  test('the bootstrap variables of the reference product work', () => {
    const secret = Buffer.alloc(32, 7).toString('base64')
    const config = resolve('', { CONNECT_BOOTSTRAP_ENABLED: 'true', CONNECT_BOOTSTRAP_SECRETKEY: secret })
    expect(config.value('Bootstrap', 'Enabled')).toBe(true)
    expect(config.value('Bootstrap', 'SecretKey')).toBe(secret)
  })
})

describe('warnings', () => {
  test.each([
    ['[Server]\nDataDri = /a', 'berth.gcfg:2', /no setting Server\.DataDri; did you mean Server\.DataDir\?/],
    ['[Severe]\nDataDir = /a', 'berth.gcfg:2', /no section \[Severe\].*did you mean \[Server\]\?/],
    ['[Colour]\nFavourite = red', 'berth.gcfg:2', /no section \[Colour\]/],
    ['[Server]\nRunAs = berth', 'berth.gcfg:2', /did you mean Applications\.RunAs\?/],
    ['[Server]\nHideVersion = true', 'berth.gcfg:2', /not supported yet/],
    ['[RPackageRepository "CRAN"]\nURL = https://cran.example', 'berth.gcfg:2', /not supported yet/],
    ['[Server "two"]\nDataDir = /a', 'berth.gcfg:2', /no effect/],
  ])('%j', (text, where, message) => {
    const { problems } = resolve(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ kind: 'warning', where })
    expect(problems[0]?.message).toMatch(message)
  })

  test('a misspelt variable is a warning, a variable of something else is not', () => {
    const { problems } = resolve('', { BERTH_SERVER_DATADIRR: '/x', BERTH_TEST_RUN_DIR: '/y', BERTH_HOME: '/z' })
    expect(problems.map((problem) => problem.where)).toEqual(['environment BERTH_SERVER_DATADIRR'])
    expect(problems[0]?.message).toMatch(/did you mean Server\.DataDir/)
  })
})

describe('refusals', () => {
  test.each([
    ['[Scheduler]\nIdleTimeout = soon', 'berth.gcfg:2', /Scheduler\.IdleTimeout.*not a duration/],
    ['[Scheduler]\n\nIdleTimeout = 31d', 'berth.gcfg:3', /at most 30d/],
    ['[Scheduler]\nLoadFactor = 1.5', 'berth.gcfg:2', /at most 1/],
    ['[Scheduler]\nMaxProcesses = 0', 'berth.gcfg:2', /at least 1/],
    ['[Scheduler]\nMaxProcesses = 21', 'berth.gcfg:2', /above Scheduler\.MaxProcessesLimit/],
    ['[Applications]\nHomeMounting = perhaps', 'berth.gcfg:2', /neither true nor false/],
    ['[Server]\nDataDir = data', 'berth.gcfg:2', /absolute path/],
    ['[Server]\nDataDir = /usr/lib/berth/data', 'berth.gcfg:2', /inside \/usr\/lib\/berth/],
    ['[Server]\nAddress = berth.example.org', 'berth.gcfg:2', /URL/],
    ['[HTTP]\nListen = 3939', 'berth.gcfg:2', /HOST:PORT/],
    ['[Bootstrap]\nEnabled = true', 'berth.gcfg:2', /needs Bootstrap\.SecretKey/],
  ])('%j', (text, where, message) => {
    const { problems } = resolve(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ kind: 'refusal', where })
    expect(problems[0]?.message).toMatch(message)
  })

  test('R-102 a supervisor must begin with an absolute path', () => {
    expect(resolve('[Applications]\nSupervisor = nice -n 2').problems[0]?.message).toMatch(/absolute path/)
    expect(resolve('[Applications]\nSupervisor = /usr/bin/nice -n 2').problems).toEqual([])
  })

  test('R-099 the mount root cannot be configured', () => {
    expect(resolve('[Server]\nMountRoot = /mnt').problems[0]).toMatchObject({ kind: 'warning' })
  })

  test('a bad secret is not repeated in the message', () => {
    const { problems } = resolve('[Bootstrap]\nSecretKey = dG9vIHNob3J0')
    expect(problems[0]?.message).toMatch(/at least 32 bytes/)
    expect(problems[0]?.message).not.toContain('dG9v')
  })
})
