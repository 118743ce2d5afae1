import type { ContentsWithProcesses } from '@berth/api-contract/berth.js'
import type { Content } from '@berth/api-contract/content.js'
import { ApiError, api } from './api-client.js'
import { describeProcess } from './describe-process.js'
import { element } from './element.js'
import { REFRESH_INTERVAL_MS } from './limits.js'
import { repeat } from './repeat.js'
import { goToSignIn, showMessage } from './show-message.js'
import { accessName, typeName } from './type-names.js'

interface Row {
  readonly element: HTMLTableRowElement
  update(content: Content): void
  showProcesses(text: string, running: boolean): void
}

/** Fills `main` with everything that the signed-in user may see, until the signal aborts. */
export function showContentList(main: HTMLElement, signal: AbortSignal): void {
  document.title = 'Content · Berth'
  const rows = new Map<string, Row>()
  const body = element('tbody', {})
  const empty = element('p', { class: 'empty', 'data-testid': 'content-empty' }, 'Loading…')
  const table = element(
    'table',
    { class: 'list', 'data-testid': 'content-list' },
    element('caption', { class: 'visually-hidden' }, 'Content'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['Title', 'Type', 'Owner', 'Access', 'Processes', ''].map((name) =>
          element('th', { scope: 'col' }, name || element('span', { class: 'visually-hidden' }, 'Address')),
        ),
      ),
    ),
    body,
  )
  table.hidden = true
  main.replaceChildren(element('h1', { tabindex: '-1' }, 'Content'), element('div', { class: 'card scroll' }, table, empty))

  repeat(REFRESH_INTERVAL_MS, signal, async () => {
    let contents: Content[]
    let managed: ContentsWithProcesses
    try {
      ;[contents, managed] = await Promise.all([api.contents(), api.managed()])
      showMessage('', 'info')
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return goToSignIn()
      showMessage(error instanceof Error ? error.message : String(error), 'error')
      return
    }
    if (signal.aborted) return
    showRows(contents)
    for (const { guid, processes } of managed) {
      const running = processes.filter((job) => describeProcess(job).state === 'running').length
      rows.get(guid)?.showProcesses(running === 0 ? 'none' : `${running} running`, running > 0)
    }
  })

  function showRows(contents: readonly Content[]): void {
    const seen = new Set(contents.map((content) => content.guid))
    for (const [guid, row] of rows) {
      if (seen.has(guid)) continue
      row.element.remove()
      rows.delete(guid)
    }
    for (const content of contents) {
      let row = rows.get(content.guid)
      if (row === undefined) {
        row = createRow(content.guid)
        rows.set(content.guid, row)
        body.append(row.element)
      }
      row.update(content)
    }
    table.hidden = contents.length === 0
    empty.hidden = contents.length > 0
    empty.textContent = 'Nothing has been published yet. Publish with: rsconnect deploy'
  }
}

function createRow(guid: string): Row {
  const title = element('a', { href: `#/apps/${guid}`, 'data-testid': 'content-title' })
  const type = element('td', {})
  const owner = element('td', {})
  const access = element('td', {})
  const processes = element('td', { class: 'muted', 'data-testid': 'content-processes' }, '–')
  const open = element('a', { 'data-testid': 'content-open' }, 'Open')
  return {
    element: element(
      'tr',
      { 'data-testid': 'content-row', 'data-guid': guid },
      element('th', { scope: 'row' }, title),
      type,
      owner,
      access,
      processes,
      element('td', { class: 'end' }, open),
    ),
    update(content) {
      const name = content.title ?? content.name
      setText(title, name)
      setText(type, typeName(content.app_mode))
      setText(owner, content.owner?.username ?? '')
      setText(access, accessName(content.access_type))
      open.href = content.content_url
      open.setAttribute('aria-label', `Open ${name}`)
      open.hidden = content.bundle_id === null
    },
    showProcesses(text, running) {
      setText(processes, text)
      processes.className = running ? 'running' : 'muted'
    },
  }
}

function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
