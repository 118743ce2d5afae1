// Debian's Chromium through playwright-core, with an empty profile and nothing that calls home.
import { type Browser, chromium, type Page } from 'playwright-core'

export const ACTION_TIMEOUT_MS = 30_000
const SLIDER_TRIES_MAX = 10

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

/** Drags the handle of the Shiny slider `id` until it shows `value`, and lets it go. */
export async function moveSlider(page: Page, id: string, value: number): Promise<void> {
  const slider = page.locator(`.shiny-input-container:has(#${id}) .irs`).first()
  const handle = await slider.locator('.irs-handle.single').boundingBox()
  const line = await slider.locator('.irs-line').boundingBox()
  if (handle === null || line === null) throw new Error(`the slider ${id} is not shown`)
  const input = page.locator(`#${id}`)
  const [min, max] = [Number(await input.getAttribute('data-min')), Number(await input.getAttribute('data-max'))]
  const stepWidth = (line.width - handle.width) / (max - min)
  const y = handle.y + handle.height / 2
  let x = handle.x + handle.width / 2
  await page.mouse.move(x, y)
  await page.mouse.down()
  for (let tries = 0; tries < SLIDER_TRIES_MAX; tries += 1) {
    const off = value - Number(await input.inputValue())
    if (off === 0) break
    x += off * stepWidth
    await page.mouse.move(x, y, { steps: 4 })
  }
  await page.mouse.up()
  if (Number(await input.inputValue()) !== value) throw new Error(`the slider shows ${await input.inputValue()}, not ${value}`)
}
