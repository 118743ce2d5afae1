// `berth user` and `berth node` against a running Berth.

import { randomBytes } from 'node:crypto'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { beforeAll, expect, test } from 'vitest'
import { runBerth } from './run-berth.js'

let berth: TestBerth
const name = `cli${randomBytes(3).toString('hex')}`

beforeAll(async () => {
  berth = await sharedBerth()
})

const berthCommand = (args: readonly string[], input?: string) =>
  runBerth([...args, '--config', berth.configFile], input === undefined ? {} : { input })

const signIn = (password: string) =>
  fetch(`${berth.address}/__login__`, {
    method: 'POST',
    body: new URLSearchParams({ username: name, password }),
    redirect: 'manual',
  })

test('user create takes the password from stdin, and never from the command line', async () => {
  const made = await berthCommand(['user', 'create', name, '--role', 'publisher', '--password-stdin'], 'first password\n')
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toMatch(new RegExp(`created publisher ${name}`))
  expect((await signIn('first password')).status).toBeLessThan(400)
  expect((await signIn('another password')).status).toBeGreaterThanOrEqual(400)
})

test('a name that exists is refused in one line', async () => {
  const again = await berthCommand(['user', 'create', name, '--password-stdin'], 'first password\n')
  expect(again.code).not.toBe(0)
  expect(again.err.trim().split('\n')).toHaveLength(1)
})

test('without a terminal the password is not asked for', async () => {
  const done = await berthCommand(['user', 'set-password', name])
  expect(done.code).not.toBe(0)
  expect(done.err).toContain('--password-stdin')
})

test('user set-password replaces the password', async () => {
  expect(await berthCommand(['user', 'set-password', name, '--password-stdin'], 'second password\n')).toMatchObject({ code: 0 })
  expect((await signIn('second password')).status).toBeLessThan(400)
  expect((await signIn('first password')).status).toBeGreaterThanOrEqual(400)
})

test('user list shows names and roles, and no secrets', async () => {
  const listed = await berthCommand(['user', 'list', '--json'])
  const users = JSON.parse(listed.out) as { username: string; role: string }[]
  expect(users).toContainEqual(expect.objectContaining({ username: name, role: 'publisher' }))
  expect(listed.out).not.toMatch(/argon2|password/)
})

test('node token gives a token of one line', async () => {
  const done = await berthCommand(['node', 'token'])
  expect(done.code).toBe(0)
  expect(done.out.trim()).toMatch(/^[\w-]+\.[0-9a-f]{64}$/)
})
