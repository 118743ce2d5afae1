// Debian's Chromium through playwright-core, with an empty profile and nothing that calls home.
import { type Browser, chromium, type Page } from 'playwright-core'

export const ACTION_TIMEOUT_MS = 30_000

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } })
  page.setDefaultTimeout(ACTION_TIMEOUT_MS)
  return page
}

/** Signs in on the page that asks for it, wherever that leads. */
export async function signIn(page: Page, address: string, user: { name: string; password: string }): Promise<void> {
  await page.goto(`${address}/__login__`)
  await page.fill('[name=username]', user.name)
  await page.fill('[name=password]', user.password)
  await page.click('[data-automation=login-panel-submit]')
  await page.waitForURL((url) => !url.pathname.includes('__login__'))
}

/** Moves the Shiny slider `id` by arrow keys, as a person would, until it shows `value`. */
export async function moveSlider(page: Page, id: string, value: number): Promise<void> {
  const handle = page.locator(`.js-range-slider#${id} ~ * .irs-handle, .irs:has(+ #${id}) .irs-handle`).first()
  await handle.waitFor()
  const current = async (): Promise<number> => Number(await page.locator(`#${id}`).inputValue())
  await page.locator(`.irs:has(+ #${id}) .irs-line`).focus()
  for (let at = await current(); at !== value; at = await current())
    await page.keyboard.press(at < value ? 'ArrowRight' : 'ArrowLeft')
}
