/**
 * Where to go after signing in: a path on this very site, or undefined. Anything that a browser could take for another origin is
 * refused ("//host", "/\host", control characters, which browsers remove before they parse).
 */
export function safeReturnPath(text: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: browsers drop exactly these from an address
  if (text === undefined || !text.startsWith('/') || /[\\\u0000-\u001f\u007f]/.test(text)) return undefined
  const here = 'http://here.invalid'
  let url: URL
  try {
    url = new URL(text, here)
  } catch {
    return undefined
  }
  if (url.origin !== here || url.pathname.startsWith('//')) return undefined
  if (/\/__log(in|out)__\/?$/.test(url.pathname)) return undefined
  return `${url.pathname}${url.search}${url.hash}`
}
