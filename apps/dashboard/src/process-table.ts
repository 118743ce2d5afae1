import type { Job } from '@berth/api-contract/job.js'
import { describeAge } from './describe-age.js'
import { describeProcess } from './describe-process.js'
import { element } from './element.js'
import { ENDED_PROCESSES_SHOWN_MAX } from './limits.js'

export interface ProcessTable {
  readonly element: HTMLElement
  /** Newest first, as the API lists them. */
  update(jobs: readonly Job[]): void
}

interface Row {
  readonly element: HTMLTableRowElement
  update(job: Job): void
}

/** Rows are updated in place, so that a refresh takes the focus from nobody. */
export function createProcessTable(actions: { showLog(job: Job): void; stop(job: Job): Promise<void> }): ProcessTable {
  const rows = new Map<string, Row>()
  const body = element('tbody', {})
  const empty = element(
    'p',
    { class: 'empty', 'data-testid': 'processes-empty' },
    'No process has run yet. The first visit starts one.',
  )
  let all = false
  let newest: readonly Job[] = []
  const showAll = element('button', {
    type: 'button',
    class: 'quiet',
    'data-testid': 'show-all',
    onclick: () => {
      all = true
      update(newest)
    },
  })
  showAll.hidden = true
  const table = element(
    'table',
    { class: 'list', 'data-testid': 'processes' },
    element('caption', { class: 'visually-hidden' }, 'Processes of this content, newest first'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['State', 'Started', 'Account', 'Kind', 'Host', 'Process'].map((name) => element('th', { scope: 'col' }, name)),
        element('th', { scope: 'col' }, element('span', { class: 'visually-hidden' }, 'Actions')),
      ),
    ),
    body,
  )

  function update(jobs: readonly Job[]): void {
    newest = jobs
    let ended = 0
    const shown = jobs.filter((job) => job.status === 0 || all || ++ended <= ENDED_PROCESSES_SHOWN_MAX)
    const keys = new Set(shown.map((job) => job.key))
    for (const [key, row] of rows) {
      if (keys.has(key)) continue
      row.element.remove()
      rows.delete(key)
    }
    let place: Element | null = body.firstElementChild
    for (const job of shown) {
      let row = rows.get(job.key)
      if (row === undefined) {
        row = createRow(job, actions)
        rows.set(job.key, row)
      }
      row.update(job)
      if (row.element === place) place = place.nextElementSibling
      else body.insertBefore(row.element, place)
    }
    table.hidden = shown.length === 0
    empty.hidden = shown.length > 0
    showAll.hidden = shown.length === jobs.length
    showAll.textContent = `Show all ${jobs.length}`
  }

  update([])
  return { element: element('div', {}, table, empty, showAll), update }
}

function createRow(first: Job, actions: { showLog(job: Job): void; stop(job: Job): Promise<void> }): Row {
  let job = first
  const dot = element('span', { class: 'dot', 'aria-hidden': 'true' })
  const label = element('span', { 'data-testid': 'process-state' })
  const age = element('time', { 'data-testid': 'process-age' })
  const account = element('td', { 'data-testid': 'process-account' })
  const tag = element('td', {})
  const host = element('td', {})
  const pid = element('td', { class: 'number', 'data-testid': 'process-pid' })
  const log = element(
    'button',
    { type: 'button', 'data-testid': 'show-log', 'aria-label': `Log of process ${job.key}`, onclick: () => actions.showLog(job) },
    'Log',
  )
  const stop = element(
    'button',
    {
      type: 'button',
      class: 'danger',
      'data-testid': 'stop-process',
      'aria-label': `Stop process ${job.key}`,
      onclick: () => void askAndStop(),
    },
    'Stop',
  )

  async function askAndStop(): Promise<void> {
    if (!(await confirmStop(job))) return
    stop.disabled = true
    await actions.stop(job)
    stop.disabled = false
  }

  return {
    element: element(
      'tr',
      { 'data-testid': 'process-row', 'data-key': job.key },
      element('td', { class: 'state' }, dot, label),
      element('td', {}, age),
      account,
      tag,
      host,
      pid,
      element('td', { class: 'end' }, log, stop),
    ),
    update(next) {
      job = next
      const { state, label: text } = describeProcess(job)
      dot.dataset.state = state
      setText(label, text)
      setText(age, `${describeAge(job.start_time, Date.now())} ago`)
      age.dateTime = job.start_time
      age.title = new Date(job.start_time).toLocaleString()
      setText(account, job.run_as)
      setText(tag, job.tag)
      setText(host, job.hostname)
      setText(pid, job.pid ?? '')
      stop.hidden = job.status !== 0
    },
  }
}

/** Asks in a modal dialog; Escape and Cancel both say no, and the focus returns to the button. */
function confirmStop(job: Job): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = element(
      'dialog',
      { 'aria-labelledby': 'stop-question' },
      element(
        'form',
        { method: 'dialog' },
        element('h2', { id: 'stop-question' }, 'Stop this process?'),
        element(
          'p',
          {},
          `Visitors that it serves now are disconnected. The next visit starts a new process. (${job.tag}, ${job.key})`,
        ),
        element(
          'div',
          { class: 'buttons' },
          element('button', { value: 'no', autofocus: true }, 'Cancel'),
          element('button', { value: 'yes', class: 'danger', 'data-testid': 'confirm-stop' }, 'Stop'),
        ),
      ),
    )
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
