// Who runs content: administrators choose, the rules of the shared group hold, data stays.
import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { runPython } from '@berth/testing/probe.js'
import { isAlive, readProcess } from '@berth/testing/process-table.js'
import { deployFiles, type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { beforeAll, expect, test } from 'vitest'

const PASSWORD = 'a long enough password 9'
const WHO = 'import os\nresult = [os.getuid(), os.getgid(), sorted(os.getgroups()), os.environ["LOGNAME"]]'

let berth: TestBerth
let rest: RestClient
let probe: Published

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  probe = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'run-as' })
})

async function changeRunAs(
  account: string | null,
): Promise<{ status: number; json: { run_as: string | null; code: number; error: string } }> {
  return rest.call('PATCH', `/v1/content/${probe.guid}`, { run_as: account })
}

/** A user of the product made by the command line, with an API key. */
async function userWithKey(name: string, role: 'publisher' | 'viewer'): Promise<{ guid: string; key: string }> {
  const command = ['user', 'create', '--config', berth.configFile, '--role', role, '--password-stdin', name]
  execFileSync('/usr/lib/berth/current/bin/berth', command, { input: `${PASSWORD}\n` })
  // Keys are made by their users: with the session of the sign-in page.
  const form = new URLSearchParams({ username: name, password: PASSWORD })
  const signedIn = await rest.call('POST', '//__login__', Buffer.from(form.toString()), {
    key: null,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
  const cookies = Object.fromEntries(signedIn.headers.getSetCookie().map((line) => (line.split(';')[0] ?? '').split('=', 2)))
  const session = { Cookie: `berth_session=${cookies.berth_session}; RSC-XSRF=${cookies['RSC-XSRF']}` }
  const guid = (await rest.ok('GET', '/v1/user', undefined, { key: null, headers: session })).json.guid
  const withoutXsrf = await rest.call('POST', `/v1/users/${guid}/keys`, { name: 'test' }, { key: null, headers: session })
  expect(withoutXsrf).toMatchObject({ status: 403, json: { code: 92 } })
  const headers = { ...session, 'X-Rsc-Xsrf': decodeURIComponent(cookies['RSC-XSRF'] ?? '') }
  const made = await rest.ok('POST', `/v1/users/${guid}/keys`, { name: 'test' }, { key: null, headers })
  return { guid, key: made.json.key }
}

test('R-005 R-060 without override content runs as Applications.RunAs', async () => {
  const { standard } = berth.accounts
  expect(await runPython(rest, probe.url, WHO)).toEqual([standard.uid, standard.gid, [standard.gid], standard.name])
  const [job] = (await rest.ok('GET', `/v1/content/${probe.guid}/jobs`)).json
  expect(job.run_as).toBe(standard.name)
})

test('R-063 R-065 R-071 an administrator gives content another member of the shared group, which is no user of the product', async () => {
  const { member, standard } = berth.accounts
  await runPython(rest, probe.url, 'with open("kept.txt", "w") as file:\n  file.write("kept")')
  const before = (await rest.ok('GET', probe.url)).json.pid
  const [job] = (await rest.ok('GET', `/v1/content/${probe.guid}/jobs`)).json
  const running = readProcess(Number(job.pid))
  if (running === undefined) throw new Error(`no process ${job.pid}`)
  const answer = await changeRunAs(member.name)
  expect(answer.status).toBe(200)
  expect(answer.json.run_as).toBe(member.name)
  await waitFor('the old process to be replaced', () => !isAlive(running))
  const [uid, gid, groups, name] = await runPython(rest, probe.url, WHO)
  expect([uid, gid, name]).toEqual([member.uid, member.gid, member.name])
  expect(groups).toEqual([member.gid, standard.gid].sort((a, b) => a - b))
  expect(before).toBeTypeOf('number')
})

test('R-027 the application’s data stays and belongs to the new account', async () => {
  const read = 'import os\nresult = [open("kept.txt").read(), os.stat("kept.txt").st_uid, os.access("kept.txt", os.W_OK)]'
  expect(await runPython(rest, probe.url, read)).toEqual(['kept', berth.accounts.member.uid, true])
})

test('R-070 the override changes who executes, not who owns the caches', async () => {
  const environments = join(berth.record.dirs.data, 'python-environments')
  expect(statSync(environments).uid).not.toBe(berth.accounts.member.uid)
})

test('R-069 package installation runs as Applications.RunAs, whatever the override', async () => {
  const { task } = await deployFiles(
    rest,
    probe.guid,
    readContent('test/content/probe-wsgi', { 'requirements.txt': 'six==1.16.0\n' }),
  )
  expect(task.error).toBe('')
  const jobs = (await rest.ok('GET', `/v1/content/${probe.guid}/jobs`)).json as { tag: string; run_as: string }[]
  const accounts = (tag: string): string[] => jobs.filter((job) => job.tag === tag).map((job) => job.run_as)
  expect(accounts('python_restore')).toEqual([berth.accounts.standard.name])
  expect(await runPython(rest, probe.url, 'import os, six\nresult = os.getuid()')).toBe(berth.accounts.member.uid)
})

test('R-028 a new deployment has only what was deployed', async () => {
  expect(await runPython(rest, probe.url, 'import os\nresult = os.path.exists("kept.txt")')).toBe(false)
})

test('R-066 R-067 R-068 an account whose primary group is the shared one may run content without being listed in it', async () => {
  expect((await changeRunAs(berth.accounts.primary.name)).status).toBe(200)
  await waitFor('the new account', async () => (await runPython(rest, probe.url, WHO))[0] === berth.accounts.primary.uid)
})

test('R-065 an account outside the shared group is refused with code 58', async () => {
  const answer = await changeRunAs(berth.accounts.outsider.name)
  expect(answer.status).toBe(400)
  expect(answer.json.code).toBe(58)
  expect(answer.json.error).toContain(berth.accounts.group)
})

test('R-062 root and the accounts of the product’s own services are refused', async () => {
  for (const name of ['root', 'berth-server', 'berth-gateway', 'berth-db']) {
    const answer = await changeRunAs(name)
    expect(answer.status).toBe(400)
    expect([55, 56, 58]).toContain(answer.json.code)
    expect(answer.json.error).toContain(name)
  }
})

test('an account that the host does not know is refused with code 57', async () => {
  const answer = await changeRunAs('nobody-has-this-name')
  expect(answer.status).toBe(400)
  expect(answer.json.code).toBe(57)
  expect((await rest.ok('GET', `/v1/content/${probe.guid}`)).json.run_as).toBe(berth.accounts.primary.name)
})

test('R-064 a publisher cannot change it, not even the owner', async () => {
  const publisher = await userWithKey('run-as-publisher', 'publisher')
  const theirs = rest.as(publisher.key)
  const owned = await publish(theirs, readContent('test/content/plain-static'))
  const wsgi = await publish(theirs, readContent('test/content/probe-wsgi'))
  for (const guid of [owned.guid, wsgi.guid]) {
    const answer = await theirs.call('PATCH', `/v1/content/${guid}`, { run_as: berth.accounts.member.name })
    expect(answer.status).toBe(403)
    expect(answer.json.error).toMatch(/administrator/i)
  }
  expect((await theirs.ok('GET', `/v1/content/${wsgi.guid}`)).json.run_as).toBeNull()
})

test('error 55: static content has no account', async () => {
  const page = await publish(rest, readContent('test/content/plain-static'))
  const answer = await rest.call('PATCH', `/v1/content/${page.guid}`, { run_as: berth.accounts.member.name })
  expect(answer.status).toBe(400)
  expect(answer.json.code).toBe(55)
})

test('null gives the default account back', async () => {
  expect((await changeRunAs(null)).json.run_as).toBeNull()
  await waitFor('the default account', async () => (await runPython(rest, probe.url, WHO))[0] === berth.accounts.standard.uid)
})

test('R-061 the installer makes the account berth with a primary group of the same name', () => {
  const [, , , gid] = execFileSync('getent', ['passwd', 'berth'], { encoding: 'utf8' }).split(':')
  expect(execFileSync('getent', ['group', 'berth'], { encoding: 'utf8' }).split(':')[2]).toBe(gid)
})
