const WARN = 40
const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warning', 50: 'error', 60: 'fatal' }

/**
 * A line of a part's log (pino's JSON) as a person reads it. What is no JSON, such as the trace of a crash, is urgent.
 * Control characters never reach the terminal. Pure.
 */
export function formatLogLine(part: string, line: string): { readonly urgent: boolean; readonly text: string } {
  let record: Record<string, unknown> | undefined
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) record = parsed as Record<string, unknown>
  } catch {
    // no JSON
  }
  if (record === undefined) return { urgent: true, text: `${part}: ${printable(line)}` }
  const level = typeof record.level === 'number' ? record.level : 30
  const reason = reasonOf(record.err ?? record.error)
  const message = [record.msg, reason].filter((one) => typeof one === 'string' && one !== '').join(': ')
  return { urgent: level >= WARN, text: `${part}: ${LEVELS[level] ?? level}: ${printable(message)}` }
}

function reasonOf(error: unknown): string | undefined {
  if (typeof error === 'string') return error
  if (typeof error !== 'object' || error === null) return undefined
  const { message } = error as { message?: unknown }
  return typeof message === 'string' ? message : undefined
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}]/gu, (char) => (char === '\t' ? ' ' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`))
}
