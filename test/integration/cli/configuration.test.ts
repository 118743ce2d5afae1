// `berth config` and what a start makes of a wrong configuration, through the installed command.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runBerth } from './run-berth.js'

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-cli-'))
  chmodSync(dir, 0o755)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(dir, 'berth.gcfg')
  writeFileSync(path, text)
  return path
}

test('config check names each problem with file and line, and fails when Berth would not start', async () => {
  const path = file('[Server]\nDataDri = /x\n\n[Scheduler]\nIdleTimeout = soon\n[PAM]\nUseSession = true\n')
  const done = await runBerth(['config', 'check', '--config', path])
  expect(done.code).toBe(1)
  expect(done.out).toContain(`${path}:2: warning: there is no setting Server.DataDri; did you mean Server.DataDir?`)
  expect(done.out).toMatch(new RegExp(`${path}:5: Scheduler.IdleTimeout "soon" is not a duration`))
  expect(done.out).toContain(`${path}:7: warning: PAM.UseSession is not supported yet`)
})

test('config check is content with warnings', async () => {
  const done = await runBerth(['config', 'check', '--config', file('[Server]\nHideVersion = true\n')])
  expect(done.code).toBe(0)
  expect(done.out).toMatch(/good, 1 warning/)
})

test('config show says the effective value and where it comes from, and hides secrets', async () => {
  const path = file('[Server]\nDataDir = /srv/file\n[Scheduler]\nIdleTimeout = 2m\n[Postgres]\nURL = postgres://me:hush@db/x\n')
  const done = await runBerth(['config', 'show', '--config', path, '--listen', ':4000'], {
    environment: { BERTH_SERVER_DATADIR: '/srv/environment' },
  })
  expect(done.code).toBe(0)
  expect(done.out).toContain('DataDir = /srv/environment  ; environment BERTH_SERVER_DATADIR')
  expect(done.out).toContain(`IdleTimeout = 2m  ; ${path}:4`)
  expect(done.out).toContain('Listen = :4000  ; flag --listen')
  expect(done.out).toContain('URL = (hidden)')
  expect(done.out).not.toContain('hush')
})

test('a wrong value is a refusal to start: file, line, nothing made', async () => {
  const path = file('[Server]\nDataDir = relative\n')
  const done = await runBerth(['up', '--config', path])
  expect(done.code).toBe(78)
  expect(done.err).toContain(`${path}:2: Server.DataDir ("relative") must be an absolute path`)
})

test('a configuration file that was asked for must be there', async () => {
  const done = await runBerth(['config', 'check', '--config', join(dir, 'none.gcfg')])
  expect(done.code).not.toBe(0)
  expect(done.err).toContain(join(dir, 'none.gcfg'))
})

test('R-051 a TempDir that others cannot write to is an error that names it', async () => {
  const temp = join(dir, 'closed')
  mkdirSync(temp, { mode: 0o700 })
  const done = await runBerth([
    'up',
    '--config',
    file(`[Server]\nTempDir = ${temp}\nRunDir = ${dir}/run\nDataDir = ${dir}/data\n`),
  ])
  expect(done.code).toBe(78)
  expect(done.err).toContain(temp)
  expect(done.err).toContain('chmod 1777')
})

test('berth version says everything that has a version', async () => {
  const done = await runBerth(['version', '--json'])
  const versions = JSON.parse(done.out)
  expect(Object.keys(versions)).toEqual(['berth', 'build', 'agent protocol', 'schema', 'launcher', 'client API', 'node'])
  expect(versions.launcher).toMatch(/\d/)
  expect(versions.schema).toMatch(/^\d{4}-/)
})
