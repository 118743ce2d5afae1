import { readGcfg } from '@berth/config/read-gcfg.js'
import { resolveConfig } from '@berth/config/resolve-config.js'
import { expect, test } from 'vitest'
import { formatSettings } from './config-command.js'

const show = (text: string) => {
  const config = resolveConfig({ document: readGcfg(text, 'f'), environment: {} })
  return formatSettings(config.settings.filter((one) => one.source !== 'default'))
}

test('shows value and source in the syntax of the file', () => {
  expect(show('[Server]\nDataDir = /srv\n[Scheduler]\nIdleTimeout = 90s')).toBe(
    '[Server]\nDataDir = /srv  ; f:2\n\n[Scheduler]\nIdleTimeout = 90s  ; f:4\n',
  )
})

test('what is shown reads back the same', () => {
  const text = '[Applications]\nSupervisor = "/bin/nice -n 2 \\"a;b\\""\n[Python]\nExecutable = /a\nExecutable = /b\n'
  const once = show(text)
  expect(show(once).replace(/f:\d+/g, '')).toBe(once.replace(/f:\d+/g, ''))
})

test('secrets are hidden', () => {
  const secret = Buffer.alloc(32, 9).toString('base64')
  const shown = show(`[Bootstrap]\nSecretKey = ${secret}\n[Postgres]\nURL = postgres://me:pass@db/x`)
  expect(shown).toContain('SecretKey = (hidden)')
  expect(shown).toContain('URL = (hidden)')
  expect(shown).not.toContain(secret)
  expect(shown).not.toContain('pass')
})
