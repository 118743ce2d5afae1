// The page at /connect/: content, its processes, their logs, the account it runs under.
// Owns presentation only. Leaves every rule to the REST API, whose refusals it shows as they are.
import type { User } from '@berth/api-contract/user.js'
import { ApiError, api } from './api-client.js'
import { showContentList } from './content-list-view.js'
import { showContent } from './content-view.js'
import { element } from './element.js'
import { parseRoute } from './route.js'
import { goToSignIn, showMessage } from './show-message.js'

async function start(): Promise<void> {
  const main = byId('main')
  let me: User
  try {
    me = await api.me()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return goToSignIn()
    main.replaceChildren(element('p', { class: 'empty' }, error instanceof Error ? error.message : String(error)))
    showMessage('The page could not be loaded. Reload it to try again.', 'error')
    return
  }
  showWhoIsSignedIn(me)
  let leave = new AbortController()
  let shown = false
  const show = (): void => {
    leave.abort()
    leave = new AbortController()
    const route = parseRoute(location.hash)
    if (route.view === 'content') showContent(main, route, me, leave.signal)
    else showContentList(main, leave.signal)
    // A new view is announced and read from its heading; the first one leaves the focus to the browser.
    if (shown) main.querySelector<HTMLElement>('h1')?.focus()
    shown = true
  }
  window.addEventListener('hashchange', show)
  show()
}

function showWhoIsSignedIn(me: User): void {
  const fullName = `${me.first_name} ${me.last_name}`.trim()
  byId('who').replaceChildren(
    element('span', { 'data-testid': 'signed-in-as', title: fullName || me.username }, me.username),
    element('span', { class: 'role' }, me.user_role),
  )
  byId('session').hidden = false
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page lacks #${id}`)
  return found
}

void start()
