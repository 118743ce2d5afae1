import type { Content } from '@berth/api-contract/content.js'
import { api } from './api-client.js'
import { element } from './element.js'

export interface RunAsForm {
  readonly element: HTMLElement
  update(content: Content): void
  focus(): void
}

/** The account that the content runs under. Administrators change it; everybody else reads it. */
export function createRunAsForm(guid: string, mayChange: boolean): RunAsForm {
  const current = element('strong', { 'data-testid': 'run-as-current' })
  const answer = element('p', { class: 'answer', role: 'alert', 'data-testid': 'run-as-answer' })
  const input = element('input', {
    id: 'run-as',
    name: 'run-as',
    type: 'text',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    maxlength: '64',
    placeholder: 'the server’s default account',
    'aria-describedby': 'run-as-help',
    'data-testid': 'run-as-input',
  })
  const save = element('button', { type: 'submit', class: 'primary', 'data-testid': 'run-as-save' }, 'Save')
  const form = element(
    'form',
    {
      class: 'inline',
      onsubmit: (event) => {
        event.preventDefault()
        void change()
      },
    },
    element('label', { for: 'run-as' }, 'Unix account'),
    input,
    save,
  )
  const help = element(
    'p',
    { class: 'muted', id: 'run-as-help' },
    mayChange
      ? 'A member of the shared group. Empty: the server’s default account. Running processes are replaced; the application keeps its files.'
      : 'Only administrators change it.',
  )
  const panel = element(
    'section',
    { class: 'card', 'aria-labelledby': 'run-as-heading' },
    element('h2', { id: 'run-as-heading' }, 'Runs as'),
    element('p', {}, 'Account: ', current),
    mayChange && form,
    help,
    answer,
  )
  let edited = false
  let known: string | null = null
  input.addEventListener('input', () => {
    edited = input.value !== (known ?? '')
  })

  async function change(): Promise<void> {
    save.disabled = true
    answer.textContent = ''
    try {
      const account = input.value.trim()
      const content = await api.changeRunAs(guid, account === '' ? null : account)
      edited = false
      update(content)
      answer.dataset.kind = 'info'
      answer.textContent = 'Saved. Running processes are being replaced.'
    } catch (error) {
      answer.dataset.kind = 'error'
      answer.textContent = error instanceof Error ? error.message : String(error)
    } finally {
      save.disabled = false
    }
  }

  function update(content: Content): void {
    known = content.run_as
    const text = content.run_as ?? 'default'
    if (current.textContent !== text) current.textContent = text
    if (!edited && input.value !== (content.run_as ?? '')) input.value = content.run_as ?? ''
    panel.hidden = content.app_mode === 'static'
  }

  return {
    element: panel,
    update,
    focus() {
      panel.scrollIntoView()
      ;(mayChange ? input : panel).focus()
    },
  }
}
