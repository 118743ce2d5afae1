// A person with a browser: signs in, uses the Shiny sample, looks after content at /connect/.

import { publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser, moveSlider, openPage, signIn } from './browser-pages.js'

let berth: TestBerth
let rest: RestClient
let browser: Browser
let page: Page

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  browser = await launchBrowser()
  page = await openPage(browser)
})

afterAll(() => browser?.close())

async function sampleUrl(mode: string): Promise<string> {
  const all = (await rest.ok('GET', '/v1/content')).json as { app_mode: string; content_url: string; created_time: string }[]
  const found = all.filter((content) => content.app_mode === mode).sort((a, b) => a.created_time.localeCompare(b.created_time))[0]
  if (found === undefined) throw new Error(`no content of type ${mode}`)
  return found.content_url
}

test('a visit without session to protected content leads to the sign-in page', async () => {
  const url = await sampleUrl('shiny')
  await rest.ok('PATCH', `/v1/content/${new URL(url).pathname.split('/')[2]}`, { access_type: 'acl' })
  await page.goto(url)
  expect(page.url()).toContain('/__login__')
  expect(await page.title()).not.toBe('')
})

test('a wrong password is refused with a sentence, and the right one signs in', async () => {
  await page.goto(`${berth.address}/__login__`)
  await page.fill('[name=username]', berth.admin.name)
  await page.fill('[name=password]', 'not the password')
  await page.click('[data-automation=login-panel-submit]')
  await expect.poll(() => page.locator('[role=alert]').textContent()).toMatch(/password/i)
  await signIn(page, berth.address, berth.admin)
  expect(page.url()).not.toContain('/__login__')
})

test('the Shiny sample: moving its slider changes the plot and the text', async () => {
  await page.goto(await sampleUrl('shiny'))
  const plot = page.locator('#plot img')
  await plot.waitFor()
  const before = await plot.getAttribute('src')
  await moveSlider(page, 'bins', 12)
  await expect.poll(() => page.locator('#state').textContent(), { timeout: 20_000 }).toContain('12 bins')
  await expect.poll(() => plot.getAttribute('src'), { timeout: 20_000 }).not.toBe(before)
})

test('the page at /connect/ says who is signed in and lists content with links', async () => {
  await page.goto(`${berth.address}/connect/`)
  await expect.poll(() => page.getByTestId('signed-in-as').textContent()).toBe(berth.admin.name)
  await expect.poll(() => page.getByTestId('content-row').count()).toBeGreaterThanOrEqual(3)
})

test('/connect/ shows a log with control characters made visible, stops a process, and changes RunAs', async () => {
  const probe = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'Watched by the page' })
  await rest.ok('POST', `${probe.url}run`, Buffer.from('print("line with \\x1b[31mescape", flush=True)'))
  await page.goto(`${berth.address}/connect/#/apps/${probe.guid}`)
  const row = page.locator('[data-testid=process-row]').filter({ has: page.getByText('running', { exact: true }) })
  await row.waitFor()
  expect(await row.getByTestId('process-account').textContent()).toBe(berth.accounts.standard.name)
  await row.getByTestId('show-log').click()
  await expect.poll(() => page.getByTestId('log').textContent(), { timeout: 15_000 }).toContain('line with \\x1b[31mescape')

  const key = await row.getAttribute('data-key')
  await row.getByTestId('stop-process').click()
  await page.getByTestId('confirm-stop').click()
  await expect
    .poll(() => page.locator(`[data-key="${key}"]`).getByTestId('process-state').textContent(), { timeout: 30_000 })
    .toMatch(/^ended/)

  await page.getByTestId('run-as-input').fill('root')
  await page.getByTestId('run-as-save').click()
  await expect.poll(() => page.getByTestId('run-as-answer').textContent()).toMatch(/root/)
  await page.getByTestId('run-as-input').fill(berth.accounts.member.name)
  await page.getByTestId('run-as-save').click()
  await expect.poll(() => page.getByTestId('run-as-current').textContent()).toBe(berth.accounts.member.name)
  const url = await waitFor('the account of a new process', async () => {
    const answer = await rest.call('POST', `${probe.url}run`, Buffer.from('import os; result = os.getuid()'))
    return answer.json === berth.accounts.member.uid && probe.url
  })
  expect(url).toBe(probe.url)
})

test('/connect/ opens at the addresses that publishing clients print: a log, the account, a draft', async () => {
  const probe = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'Printed addresses' })
  await rest.ok('POST', `${probe.url}run`, Buffer.from('print("said at once", flush=True)'))
  const dashboard = (await rest.ok('GET', `/v1/content/${probe.guid}`)).json.dashboard_url
  expect(dashboard).toBe(`${berth.address}/connect/#/apps/${probe.guid}`)
  await page.goto(`${dashboard}/logs`)
  await expect.poll(() => page.getByTestId('log').textContent(), { timeout: 15_000 }).toContain('said at once')
  await page.goto(`${dashboard}/access`)
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('run-as')
  await page.goto(`${dashboard}/draft/${probe.bundleId}`)
  await expect.poll(() => page.getByTestId('open').getAttribute('href')).toBe(`${probe.url}_bundle${probe.bundleId}/`)
})

test('a person without rights to a content is told so, and sees no processes', async () => {
  await page.goto(`${berth.address}/connect/#/apps/00000000-0000-4000-8000-000000000000`)
  await expect.poll(() => page.getByTestId('title').textContent()).toBe('No such content')
  expect(await page.getByTestId('process-row').count()).toBe(0)
})

test('signing out ends the session', async () => {
  await page.goto(`${berth.address}/connect/`)
  await page.getByTestId('sign-out').click()
  await page.waitForURL(/__login__/)
  await page.goto(`${berth.address}/connect/`)
  await page.waitForURL(/__login__/)
})
