export interface LoginPage {
  /** Text of what went wrong, '' at first. */
  readonly notice: string
  readonly username: string
  /** Where to go afterwards; '' = the dashboard. */
  readonly returnPath: string
  /** Path in front of ours. */
  readonly prefix: string
  readonly nonce: string
}

/**
 * The sign-in page: works without JavaScript. Field names and the attribute data-automation are what tools look for
 * (publisher-api 1.7). With JavaScript the address's fragment survives: the dashboard's views live there.
 */
export function loginPage(page: LoginPage): string {
  const notice = page.notice === '' ? '' : `<p class="notice" role="alert">${escapeHtml(page.notice)}</p>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in – Berth</title>
<style nonce="${page.nonce}">
body { font: 16px/1.5 system-ui, sans-serif; background: #f4f6f8; color: #1c2733; display: grid; place-items: center; min-height: 100vh; margin: 0 }
main { background: #fff; padding: 2rem; border-radius: 8px; box-shadow: 0 1px 4px #0003; width: min(22rem, 90vw); box-sizing: border-box }
h1 { font-size: 1.3rem; margin: 0 0 1rem }
label { display: block; margin: .8rem 0 .2rem }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #9aa7b4; border-radius: 4px }
button { margin-top: 1.2rem; width: 100%; font: inherit; padding: .6rem; border: 0; border-radius: 4px; background: #1f5fa8; color: #fff; cursor: pointer }
.notice { background: #fdecea; color: #8a1c12; padding: .5rem .8rem; border-radius: 4px }
@media (prefers-color-scheme: dark) { body { background: #14191f; color: #e6ebf0 } main { background: #1e252d } input { background: #14191f; color: inherit } .notice { background: #4a1d19; color: #ffd9d4 } }
</style>
</head>
<body>
<main>
<h1>Sign in</h1>
${notice}
<form method="post" action="${escapeHtml(page.prefix)}/__login__">
<input type="hidden" name="url" value="${escapeHtml(page.returnPath)}">
<label for="username">User name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus value="${escapeHtml(page.username)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit" data-automation="login-panel-submit">Sign in</button>
</form>
</main>
<script nonce="${page.nonce}">
addEventListener('submit', () => { const url = document.querySelector('input[name=url]'); if (location.hash && !url.value.includes('#')) url.value = (url.value || '${page.prefix}/connect/') + location.hash })
</script>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string)
}
