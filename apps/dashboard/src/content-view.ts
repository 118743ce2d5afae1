import type { Content } from '@berth/api-contract/content.js'
import type { Job } from '@berth/api-contract/job.js'
import type { User } from '@berth/api-contract/user.js'
import { ApiError, api } from './api-client.js'
import { element } from './element.js'
import { REFRESH_INTERVAL_MS } from './limits.js'
import { createLogPanel } from './log-panel.js'
import { createProcessTable } from './process-table.js'
import { repeat } from './repeat.js'
import type { Route } from './route.js'
import { createRunAsForm } from './run-as-form.js'
import { goToSignIn, showMessage } from './show-message.js'
import { accessName, typeName } from './type-names.js'

/** Fills `main` with one content: its facts, processes, a log, and the account it runs under. */
export function showContent(main: HTMLElement, route: Extract<Route, { view: 'content' }>, me: User, signal: AbortSignal): void {
  const heading = element('h1', { tabindex: '-1', 'data-testid': 'title' }, 'Loading…')
  const facts = element('p', { class: 'facts', 'data-testid': 'facts' })
  const open = element('a', { class: 'button primary', 'data-testid': 'open' }, 'Open')
  open.hidden = true
  const log = createLogPanel(route.guid, signal)
  const processes = createProcessTable({ showLog: log.show, stop: stopProcess })
  const runAs = createRunAsForm(route.guid, me.user_role === 'administrator')
  main.replaceChildren(
    element('nav', { 'aria-label': 'Breadcrumb' }, element('a', { href: '#/' }, '← All content')),
    element('div', { class: 'head' }, element('div', {}, heading, facts), open),
    element(
      'section',
      { class: 'card scroll', 'aria-labelledby': 'processes' },
      element('h2', { id: 'processes' }, 'Processes'),
      processes.element,
    ),
    log.element,
    runAs.element,
  )

  let first = true
  repeat(REFRESH_INTERVAL_MS, signal, async () => {
    let content: Content
    let jobs: Job[] = []
    try {
      content = await api.content(route.guid)
      if (content.app_role === 'owner' || content.app_role === 'editor' || me.user_role === 'administrator') {
        jobs = await api.jobs(route.guid)
      }
      showMessage('', 'info')
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return goToSignIn()
      if (first) heading.textContent = error instanceof ApiError && error.status === 404 ? 'No such content' : 'Not to be had'
      showMessage(error instanceof Error ? error.message : String(error), 'error')
      return
    }
    if (signal.aborted) return
    showFacts(content)
    processes.update(jobs)
    log.update(jobs)
    runAs.update(content)
    if (first) {
      first = false
      const newest = jobs[0]
      if (route.section === 'logs' && newest !== undefined) log.show(newest)
      if (route.section === 'access') runAs.focus()
    }
  })

  function showFacts(content: Content): void {
    const name = content.title ?? content.name
    document.title = `${name} · Berth`
    if (heading.textContent !== name) heading.textContent = name
    const text = [
      typeName(content.app_mode),
      `owned by ${content.owner?.username ?? 'somebody'}`,
      `open to: ${accessName(content.access_type).toLowerCase()}`,
      content.bundle_id === null ? 'no active bundle' : `bundle ${content.bundle_id}`,
    ].join(' · ')
    if (facts.textContent !== text) facts.textContent = text
    // A draft is shown at an address of its own, to collaborators only.
    open.href = route.draft === null ? content.content_url : `${content.content_url}_bundle${route.draft}/`
    open.textContent = route.draft === null ? 'Open' : `Open draft ${route.draft}`
    open.hidden = route.draft === null && content.bundle_id === null
  }

  async function stopProcess(job: Job): Promise<void> {
    try {
      await api.stop(route.guid, job.key)
      showMessage(`Process ${job.key} is being stopped.`, 'info')
    } catch (error) {
      showMessage(error instanceof Error ? error.message : String(error), 'error')
    }
  }
}
