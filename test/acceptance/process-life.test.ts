// How a process comes and goes: on the first request, for many visitors, until it is idle.
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { runPython } from '@berth/testing/probe.js'
import { deployFiles, type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { beforeAll, expect, test } from 'vitest'

let berth: TestBerth
let rest: RestClient
let probe: Published

interface Job {
  readonly key: string
  readonly status: number
  readonly tag: string
  readonly pid: string
  readonly exit_code: number | null
  readonly start_time: string
  readonly end_time: string | null
}

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  probe = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'process life', access_type: 'all' })
})

async function services(guid = probe.guid): Promise<Job[]> {
  const jobs = (await rest.ok('GET', `/v1/content/${guid}/jobs`)).json as Job[]
  return jobs.filter((job) => job.tag === 'run_python_api')
}

test('R-053 no process runs after the deployment; the first request starts one and is answered', async () => {
  expect(await services()).toEqual([])
  expect((await rest.ok('GET', probe.url)).json.pid).toBeTypeOf('number')
  expect(await services()).toMatchObject([{ status: 0, exit_code: null, end_time: null }])
})

test('R-052 many requests of two visitors are served by one process', async () => {
  const anonymous = berth.rest(null)
  const pids = await Promise.all(
    Array.from({ length: 12 }, async (_, at) => (await (at % 2 ? rest : anonymous).ok('GET', probe.url)).json.pid),
  )
  expect(new Set(pids).size).toBe(1)
  expect(await services()).toHaveLength(1)
})

test('many first requests at once start one process', async () => {
  const fresh = await publish(rest, readContent('test/content/probe-wsgi'))
  const answers = await Promise.all(Array.from({ length: 10 }, () => rest.get(fresh.url)))
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
  expect(await services(fresh.guid)).toHaveLength(1)
})

test('R-023 R-024 R-025 what it writes in its working directory is there for the next process of the same content', async () => {
  await runPython(rest, probe.url, 'with open("notes.txt", "w") as file:\n  file.write("written")')
  const [job] = await services()
  await rest.ok('DELETE', `/v1/content/${probe.guid}/jobs/${job?.key}`)
  await waitFor('the process to end', async () => (await services())[0]?.status === 2)
  const other = await waitFor('a new process', async () => {
    const answer = await rest.call('POST', `${probe.url}run`, Buffer.from('result = open("notes.txt").read()'))
    return answer.status === 200 ? answer.json : undefined
  })
  expect(other).toBe('written')
  expect(await services()).toHaveLength(2)
})

test('a stopped process ended by its own soft stop: exit code 0, no gunicorn error in its log', async () => {
  const stopped = (await services()).find((job) => job.status === 2)
  expect(stopped?.exit_code).toBe(0)
  const again = await rest.call('DELETE', `/v1/content/${probe.guid}/jobs/${stopped?.key}`)
  expect(again.status).toBe(409)
  expect(again.json.code).toBe(163)
  const log = (await rest.ok('GET', `/v1/content/${probe.guid}/jobs/${stopped?.key}/log`)).json as { entries: { data: string }[] }
  expect(log.entries.map((entry) => entry.data).join('\n')).not.toMatch(/Traceback/)
})

test('R-027 R-028 data stays until the next deployment and is gone after it', async () => {
  expect(await runPython(rest, probe.url, 'result = open("notes.txt").read()')).toBe('written')
  const { task } = await deployFiles(rest, probe.guid, readContent('test/content/probe-wsgi'))
  expect(task.error).toBe('')
  const exists = await waitFor('the new bundle', async () => {
    const answer = await rest.call(
      'POST',
      `${probe.url}run`,
      Buffer.from('import os\nresult = {"exists": os.path.exists("notes.txt")}'),
    )
    return answer.status === 200 && answer.json.exists === false ? answer.json : undefined
  })
  expect(exists).toEqual({ exists: false })
})

test('R-048 R-050 each process has a directory of its own below TempDir/berth-workspaces, gone when it ends', async () => {
  const workspaces = join(berth.record.dirs.temp, 'berth-workspaces')
  expect(statSync(workspaces).mode & 0o777).toBe(0o711)
  const mark = `mark-${Date.now()}`
  await runPython(rest, probe.url, `import os\nopen(os.environ["TMPDIR"] + "/${mark}", "w").close()`)
  const mine = readdirSync(workspaces).filter((name) => readdirSync(join(workspaces, name, 'tmp')).includes(mark))
  expect(mine).toHaveLength(1)
  const active = (await services()).filter((job) => job.status === 0)
  for (const job of active) await rest.ok('DELETE', `/v1/content/${probe.guid}/jobs/${job.key}`)
  await waitFor('the workspace to be removed', () => !readdirSync(workspaces).includes(mine[0] ?? ''))
})

test('R-054 a process without connections ends after the idle timeout, orderly', async () => {
  const idle = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'idle', idle_timeout: 2 })
  await rest.ok('GET', idle.url)
  const ended = await waitFor('the idle process to end', async () => (await services(idle.guid)).find((job) => job.status === 2))
  expect(ended.exit_code).toBe(0)
  const lived = Date.parse(ended.end_time ?? '') - Date.parse(ended.start_time)
  expect(lived).toBeGreaterThanOrEqual(2_000)
  expect((await rest.ok('GET', idle.url)).json.pid).toBeTypeOf('number')
})

test('changing a content variable replaces the running process, and the new one has it', async () => {
  const before = (await rest.ok('GET', probe.url)).json.pid
  expect(before).toBeTypeOf('number')
  await rest.ok('PATCH', `/v1/content/${probe.guid}/environment`, [{ name: 'COLOUR', value: 'teal' }])
  await waitFor(
    'the variable',
    async () => (await runPython(rest, probe.url, 'import os\nresult = os.environ.get("COLOUR")')) === 'teal',
  )
  expect((await rest.ok('GET', `/v1/content/${probe.guid}/environment`)).json).toEqual(['COLOUR'])
})

test('a secret variable is in no command line, run directory or ledger', async () => {
  const secret = `secret-${Math.random().toString(36).slice(2)}${Date.now()}`
  await rest.ok('PATCH', `/v1/content/${probe.guid}/environment`, [{ name: 'TOKEN', value: secret }])
  await waitFor(
    'the variable',
    async () => (await runPython(rest, probe.url, 'import os\nresult = os.environ.get("TOKEN")')) === secret,
  )
  const { execFileSync } = await import('node:child_process')
  const { agent, run, data } = berth.record.dirs
  const hits = execFileSync('sh', ['-c', `grep -rlsaF -- "${secret}" ${agent} ${run} ${data} || true`], { encoding: 'utf8' })
  expect(hits).toBe('')
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (Number(pid) === process.pid) continue
      const { readFileSync } = await import('node:fs')
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (!readlinkSync(`/proc/${pid}/exe`).includes('node_modules')) expect(line).not.toContain(secret)
    } catch {
      // it ended meanwhile
    }
  }
})
