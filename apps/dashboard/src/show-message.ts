/** Tells the person what happened, also with a screen reader: the element is an aria-live region that is always there. */
export function showMessage(text: string, kind: 'info' | 'error'): void {
  const region = document.getElementById('message')
  if (region === null) return
  region.textContent = text
  region.dataset.kind = kind
  region.hidden = text === ''
}

/** Leaves for the sign-in page, which comes back here; the part after # is kept by the browser only if it is in the address. */
export function goToSignIn(): void {
  const back = `${location.pathname}${location.hash}`
  location.assign(new URL(`../__login__?url=${encodeURIComponent(back)}`, document.baseURI))
}
