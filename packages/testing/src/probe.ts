// Asks probe content of test/content to run code inside its sandbox.
import type { RestClient } from './rest-client.js'

/**
 * Runs Python in the probe of test/content/probe-wsgi and gives what the code assigned to `result`, as JSON.
 * `url`: the content's address, a final slash included.
 */
// biome-ignore lint/suspicious/noExplicitAny: the shape is whatever the test's own code returns
export async function runPython(rest: RestClient, url: string, code: string): Promise<any> {
  const answer = await rest.call('POST', `${url}run`, Buffer.from(dedent(code)), { headers: { 'Content-Type': 'text/plain' } })
  if (answer.status !== 200) throw new Error(`the probe answered ${answer.status}: ${answer.text.slice(0, 4_000)}`)
  return answer.json
}

/** Runs R in the probe of test/content/probe-shiny and gives the value of its last expression, as jsonlite writes it. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is whatever the test's own code returns
export async function runR(rest: RestClient, url: string, code: string): Promise<any> {
  const answer = await rest.get(`${url}?code=${encodeURIComponent(dedent(code))}`)
  if (answer.status !== 200) throw new Error(`the probe answered ${answer.status}: ${answer.text.slice(0, 4_000)}`)
  if (answer.json?.error !== undefined) throw new Error(`R in the probe says: ${answer.json.error}`)
  return answer.json?.ok
}

/** Takes the indentation of the first line from all lines. */
function dedent(code: string): string {
  const lines = code.replace(/^\n/, '').split('\n')
  const indent = /^\s*/.exec(lines[0] ?? '')?.[0] ?? ''
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n')
}
