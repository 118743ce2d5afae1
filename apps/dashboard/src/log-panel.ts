import type { Job } from '@berth/api-contract/job.js'
import { api, type LogEntry } from './api-client.js'
import { element } from './element.js'
import { escapeControlCharacters } from './escape-control-characters.js'
import { LOG_LINES_MAX, LOG_REFRESH_INTERVAL_MS } from './limits.js'
import { repeat } from './repeat.js'

export interface LogPanel {
  readonly element: HTMLElement
  show(job: Job): void
  /** News of the processes: a followed log of one that ended is asked for once more. */
  update(jobs: readonly Job[]): void
}

/** The newest lines of one process's stdout and stderr, followed while it runs. */
export function createLogPanel(guid: string, signal: AbortSignal): LogPanel {
  const heading = element('h2', { id: 'log', tabindex: '-1' }, 'Log')
  const lines = element('pre', { tabindex: '0', role: 'log', 'aria-labelledby': 'log', 'aria-live': 'off', 'data-testid': 'log' })
  const note = element('p', { class: 'muted', 'aria-live': 'polite', 'data-testid': 'log-note' })
  const follow = element('input', { type: 'checkbox', id: 'follow', checked: true, 'data-testid': 'log-follow' })
  const panel = element(
    'section',
    { class: 'card', 'aria-labelledby': 'log', 'data-testid': 'log-panel' },
    element('div', { class: 'head' }, heading, element('label', { for: 'follow' }, follow, ' Follow')),
    lines,
    note,
  )
  panel.hidden = true

  let shown: readonly LogEntry[] = []
  let job: Job | undefined
  let leave = new AbortController()
  signal.addEventListener('abort', () => leave.abort())

  function start(): void {
    leave.abort()
    leave = new AbortController()
    const key = job?.key
    if (key === undefined) return
    repeat(LOG_REFRESH_INTERVAL_MS, AbortSignal.any([signal, leave.signal]), async () => {
      if (!follow.checked && shown.length > 0) return
      try {
        const entries = await api.log(guid, key)
        if (job?.key !== key) return
        draw(entries)
        note.textContent = entries.length === 0 ? 'Nothing has been written yet.' : ''
        if (entries.length >= LOG_LINES_MAX) note.textContent = `The newest ${LOG_LINES_MAX} lines are shown.`
        if (job.status !== 0) leave.abort() // asked after it ended: this was all of it
      } catch (error) {
        note.textContent = error instanceof Error ? error.message : String(error)
      }
    })
  }

  function draw(entries: readonly LogEntry[]): void {
    const extends_ = shown.length <= entries.length && shown.every((entry, at) => same(entry, entries[at]))
    if (extends_ && shown.length === entries.length) return
    const added = (extends_ ? entries.slice(shown.length) : entries).map(line)
    if (extends_) lines.append(...added)
    else lines.replaceChildren(...added)
    shown = entries
    if (follow.checked) lines.scrollTop = lines.scrollHeight
  }

  return {
    element: panel,
    show(chosen) {
      job = chosen
      shown = []
      lines.replaceChildren()
      note.textContent = ''
      heading.textContent = `Log of ${chosen.tag}, ${chosen.key}`
      panel.hidden = false
      heading.focus()
      start()
    },
    update(jobs) {
      const news = jobs.find((candidate) => candidate.key === job?.key)
      if (news === undefined || job === undefined) return
      const changed = news.status !== job.status
      job = news
      if (changed) start()
    },
  }
}

function line(entry: LogEntry): HTMLElement {
  const text = entry.data.endsWith('\n') ? entry.data.slice(0, -1) : entry.data
  return element(
    'span',
    { class: entry.source, title: `${entry.source}, ${entry.timestamp}` },
    ...escapeControlCharacters(text).map((span) => (span.escaped ? element('mark', {}, span.text) : span.text)),
    '\n',
  )
}

function same(a: LogEntry, b: LogEntry | undefined): boolean {
  return b !== undefined && a.data === b.data && a.source === b.source && a.timestamp === b.timestamp
}
