// Point 5: content, its connections and its sessions live on while the product's own processes are killed, and nothing of it is lost.
import { readFileSync } from 'node:fs'
import { runPython } from '@berth/testing/probe.js'
import { descendantsOf, isAlive, listProcesses, readProcess } from '@berth/testing/process-table.js'
import { type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser, moveSlider, openPage, signIn } from '../e2e/browser-pages.js'

// Together longer than a segment of a log, and fewer lines than the API shows at once.
const LOG_LINES = 8_000
const PADDING = 'x'.repeat(100)

let berth: TestBerth
let rest: RestClient
let browser: Browser
let page: Page
let shiny: { guid: string; content_url: string }
let writer: Published
/** Websocket of the open Shiny page: closed ones are counted. */
let closedSockets = 0

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  const all = (await rest.ok('GET', '/v1/content')).json as {
    guid: string
    app_mode: string
    content_url: string
    created_time: string
  }[]
  const found = all
    .filter((content) => content.app_mode === 'shiny')
    .sort((a, b) => a.created_time.localeCompare(b.created_time))[0]
  if (found === undefined) throw new Error('no Shiny sample')
  shiny = found
  writer = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'writes and ends' })
  browser = await launchBrowser()
  page = await openPage(browser)
  page.on('websocket', (socket) => socket.on('close', () => (closedSockets += 1)))
  await signIn(page, berth.address, berth.admin)
  await page.goto(shiny.content_url)
  await page.locator('#plot img').waitFor()
  await moveSlider(page, 'bins', 20)
  await waitFor('the session to have state', async () =>
    /^20 bins, changed [1-9]/.test((await page.locator('#state').textContent()) ?? ''),
  )
})

afterAll(() => browser?.close())

test('kill -9 of the control plane, then of the agent: the R process, the WebSocket and the session’s state live on', async () => {
  const [job] = (await rest.ok('GET', `/v1/content/${shiny.guid}/jobs`)).json as { pid: string; key: string; status: number }[]
  const target = readProcess(Number(job?.pid))
  if (target === undefined) throw new Error(`the job's pid ${job?.pid} is no process`)
  const state = await page.locator('#state').textContent()
  const changes = Number(/changed (\d+)/.exec(state ?? '')?.[1])

  const controlPlane = berth.part('control-plane')
  process.kill(controlPlane.pid, 'SIGKILL')
  await moveSlider(page, 'bins', 22)
  await expect.poll(() => page.locator('#state').textContent(), { timeout: 20_000 }).toMatch(/^22 bins/)
  await berth.partAfter('control-plane', controlPlane)

  const agent = berth.part('agent')
  process.kill(agent.pid, 'SIGKILL')
  await moveSlider(page, 'bins', 24)
  await expect.poll(() => page.locator('#state').textContent(), { timeout: 20_000 }).toMatch(/^24 bins/)
  await berth.partAfter('agent', agent)

  expect(isAlive(target)).toBe(true)
  expect(closedSockets).toBe(0)
  const after = Number(/changed (\d+)/.exec((await page.locator('#state').textContent()) ?? '')?.[1])
  expect(after).toBeGreaterThan(changes)

  await waitFor('the API to know the process as running again', async () => {
    const jobs = await rest.get(`/v1/content/${shiny.guid}/jobs`)
    return (
      jobs.status === 200 && jobs.json.some((one: { key: string; status: number }) => one.key === job?.key && one.status === 0)
    )
  })
  await moveSlider(page, 'bins', 25)
  await expect.poll(() => page.locator('#state').textContent(), { timeout: 20_000 }).toMatch(/^25 bins/)
})

test('a process that ends while both are away: its exit code and every byte of its log are there afterwards', async () => {
  // The worker writes and ends the whole tree some moments after both parts are gone.
  await waitFor('the gateway to let new visits in', async () => (await rest.get(writer.url)).status === 200)
  const [job] = (await rest.ok('GET', `/v1/content/${writer.guid}/jobs`)).json as { pid: string; key: string }[]
  if (job === undefined) throw new Error('no process')
  const target = readProcess(Number(job.pid))
  if (target === undefined) throw new Error('no such pid')
  await runPython(
    rest,
    writer.url,
    `
    import os, signal, sys, threading
    def work():
        threading.Event().wait(1)
        for line in range(${LOG_LINES}):
            print(f"out {line:08d} ${PADDING}")
        sys.stdout.flush()
        for line in range(1000):
            print(f"err {line:08d}", file=sys.stderr)
        sys.stderr.flush()
        os.kill(os.getppid(), signal.SIGKILL)
        os._exit(7)
    threading.Thread(target=work).start()
    `,
  )
  // They come back within moments: whatever comes back is killed again until the content has ended.
  await waitFor('the content to end', () => {
    const { agent, 'control-plane': controlPlane } = berth.parts()
    for (const part of [agent, controlPlane]) if (part !== undefined && isAlive(part)) process.kill(part.pid, 'SIGKILL')
    return !isAlive(target)
  })

  const ended = await waitFor(
    'the job to be finalized',
    async () => {
      const answer = await rest.get(`/v1/content/${writer.guid}/jobs/${job.key}`)
      return answer.status === 200 && answer.json.status === 2 ? answer.json : undefined
    },
    60_000,
  )
  expect(ended.exit_code).toBe(128 + 9)
  const log = (await rest.ok('GET', `/v1/content/${writer.guid}/jobs/${job.key}/log?maxLogLines=10000`)).json as {
    entries: { source: string; data: string }[]
  }
  const lines = (source: string, start: string): string[] =>
    log.entries
      .filter((entry) => entry.source === source)
      .flatMap((entry) => entry.data.split('\n'))
      .filter((line) => line.startsWith(start))
  const numbered = (start: string, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `${start} ${String(at).padStart(8, '0')}`)
  expect(lines('stdout', 'out ')).toEqual(numbered('out', LOG_LINES).map((line) => `${line} ${PADDING}`))
  expect(lines('stderr', 'err ')).toEqual(numbered('err', 1000))
})

test('a next visit starts a new process, and the sandbox of the old one is gone', async () => {
  const answer = await waitFor('the gateway to let new visits in', async () => {
    const one = await rest.get(writer.url)
    return one.status === 200 && one
  })
  expect(answer.json.pid).toBeTypeOf('number')
  const family = descendantsOf(berth.record.up?.pid ?? 0)
  expect(family.length).toBeGreaterThan(0)
  expect(listProcesses().filter((one) => one.state === 'Z' && family.some((parent) => parent.pid === one.ppid))).toEqual([])
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(berth.record.dirs.run)
})
