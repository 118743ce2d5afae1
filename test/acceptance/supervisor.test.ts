// A program in front of every process, and where temporary directories go when no setting says so.
import { chmodSync, existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runPython } from '@berth/testing/probe.js'
import { createContent, deployFiles, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'

const SCRIPT = `/usr/local/bin/bt-supervisor-${process.pid}`
// Two words of its own, the second with a space; then the target, which it becomes.
const SOURCE = `#!/bin/sh
echo "supervisor as $(id -u) in $(pwd), home $HOME, tmp $TMPDIR, own [$1] [$2], data $(ls -A DATADIR 2>/dev/null | wc -l), app $(ls /opt/berth/mnt/app 2>/dev/null | wc -l)" >&2
shift 2
for word in "$@"; do echo "word [$word]" >&2; done
export SET_BY_SUPERVISOR=yes
exec nice -n 2 "$@"
`

let berth: TestBerth
let rest: RestClient

beforeAll(async () => {
  berth = await TestBerth.prepare({
    samples: true,
    settings: {
      Applications: { Supervisor: `${SCRIPT} one 'two words'` },
      Scheduler: { IdleTimeout: '10m', StopGrace: '5s', KillGrace: '3s' },
    },
  })
  writeFileSync(SCRIPT, SOURCE.replace('DATADIR', berth.record.dirs.data))
  chmodSync(SCRIPT, 0o755)
  await berth.up()
  rest = berth.rest()
})

afterAll(async () => {
  rmSync(SCRIPT, { force: true })
  try {
    await berth?.stop()
  } finally {
    await berth?.remove()
  }
})

interface Job {
  readonly key: string
  readonly tag: string
  readonly pid: string
  readonly status: number
  readonly exit_code: number | null
}

async function jobs(guid: string): Promise<Job[]> {
  return (await rest.ok('GET', `/v1/content/${guid}/jobs`)).json
}

async function stderrOf(guid: string, key: string): Promise<string> {
  const log = (await rest.ok('GET', `/v1/content/${guid}/jobs/${key}/log`)).json as {
    entries: { source: string; data: string }[]
  }
  return log.entries
    .filter((entry) => entry.source === 'stderr')
    .map((entry) => entry.data)
    .join('\n')
}

test('R-101 R-103 R-105 R-106 R-110 R-111 R-112 the supervisor runs in the sandbox as the account, gets the whole command line, and becomes the target', async () => {
  const probe = await publish(rest, readContent('test/content/probe-wsgi'))
  const inside = await runPython(rest, probe.url, 'import os\nresult = [os.environ.get("SET_BY_SUPERVISOR"), os.nice(0)]')
  expect(inside).toEqual(['yes', 2])
  const job = (await jobs(probe.guid)).find((one) => one.tag === 'run_python_api')
  if (job === undefined) throw new Error('no process')
  // exec keeps the pid: the recorded one is the interpreter.
  expect(readlinkSync(`/proc/${job.pid}/exe`)).toMatch(/python3/)
  const log = await waitFor('the supervisor’s words in the log', async () => {
    const text = await stderrOf(probe.guid, job.key)
    return text.includes('serve_wsgi.py') && text
  })
  expect(log).toContain(
    `supervisor as ${berth.accounts.standard.uid} in /opt/berth/mnt/app, home /nonexistent/${berth.accounts.standard.name}, tmp /opt/berth/mnt/tmp, own [one] [two words], data 0, app`,
  )
  expect(log).toMatch(/word \[\S*python3\S*\]/)
})

test('R-106 an override’s supervisor runs as the override, that of a package installation as the default account', async () => {
  const { member, standard } = berth.accounts
  const probe = await publish(rest, readContent('test/content/probe-wsgi', { 'requirements.txt': 'six==1.16.0\n' }))
  await rest.ok('PATCH', `/v1/content/${probe.guid}`, { run_as: member.name })
  await rest.ok('GET', probe.url)
  const all = await jobs(probe.guid)
  const service = all.find((one) => one.tag === 'run_python_api')
  const restore = all.find((one) => one.tag === 'python_restore')
  if (service === undefined || restore === undefined) throw new Error(`tags: ${all.map((one) => one.tag).join(', ')}`)
  await waitFor('its words', async () => (await stderrOf(probe.guid, service.key)).includes(`supervisor as ${member.uid}`))
  expect(await stderrOf(probe.guid, restore.key)).toContain(`supervisor as ${standard.uid}`)
})

test.each([
  ['raise SystemExit(3)', 3],
  ['import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)', 139],
])('R-104 %s gives the exit code %i', async (code, expected) => {
  const content = await createContent(rest)
  const { task } = await deployFiles(rest, content.guid, readContent('test/content/probe-wsgi', { 'app.py': `${code}\n` }))
  expect(task.error).toBe('')
  await rest.get(content.url)
  const job = await waitFor('the process to end', async () =>
    (await jobs(content.guid)).find((one) => one.tag === 'run_python_api' && one.status !== 0),
  )
  expect(job.exit_code).toBe(expected)
})

test('R-102 R-109 a supervisor that is no absolute path is refused: one line, no start', async () => {
  const second = await TestBerth.prepare({ settings: { Applications: { Supervisor: 'nice -n 5' } } })
  try {
    const child = await second.spawnUp()
    await waitFor('it to give up', () => child.exitCode() !== null)
    expect(child.exitCode()).toBeGreaterThan(0)
    expect(second.log()).toMatch(/Supervisor/)
    expect(second.log()).toMatch(/absolute/i)
    await second.stop()
  } finally {
    await second.remove()
  }
})

test('R-060 R-062 RunAs = root is refused at start', async () => {
  const second = await TestBerth.prepare({ settings: { Applications: { RunAs: 'root' } } })
  try {
    const child = await second.spawnUp()
    await waitFor('it to give up', () => child.exitCode() !== null)
    expect(child.exitCode()).toBeGreaterThan(0)
    expect(second.log()).toMatch(/root/)
    await second.stop()
  } finally {
    await second.remove()
  }
})

test('R-049 without Server.TempDir the server’s own TMPDIR counts', async () => {
  const second = await TestBerth.prepare({ samples: true, withoutTempDir: true })
  try {
    await second.up()
    const probe = await publish(second.rest(), readContent('test/content/probe-wsgi'))
    await second.rest().ok('GET', probe.url)
    const workspaces = join(second.record.dirs.temp, 'berth-workspaces')
    expect(existsSync(workspaces)).toBe(true)
    expect(readdirSync(workspaces).length).toBeGreaterThan(0)
    await second.stop()
  } finally {
    await second.remove()
  }
})
