// What a visitor sees when there is no content to show. Everything in it may come from content or from a stranger, so all of it
// is escaped here and nowhere else.

export interface ErrorReport {
  readonly status: number
  /** Number of publisher-api 1.9. */
  readonly apiCode: number
  readonly title: string
  /** A sentence or two: what happened and what can be done. */
  readonly message: string
  readonly start?: StartReport | undefined
}

/** How far a start came. */
export interface StartReport {
  readonly code: string
  readonly failingStep: string
  readonly jobKey: string
  readonly steps: readonly {
    readonly step: string
    readonly durationUs: number
    readonly failed: boolean
    readonly reason: string
  }[]
  /** Only for those who may see the log. */
  readonly logTail: readonly string[]
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

// Control characters, and those that turn text around: they could make a page show something else than it says.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const INVISIBLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

export function escapeText(text: string): string {
  return text.replace(INVISIBLE, '\ufffd').replace(/[&<>"']/g, (c) => ENTITIES[c] as string)
}

function milliseconds(us: number): string {
  return us < 10_000
    ? `${(us / 1000).toFixed(1)} ms`
    : us < 10_000_000
      ? `${Math.round(us / 1000)} ms`
      : `${(us / 1e6).toFixed(1)} s`
}

export function errorPage(report: ErrorReport): string {
  const { start } = report
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeText(report.title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:4rem auto;padding:0 1rem;color:#222}
h1{font-size:1.4rem}table{border-collapse:collapse;margin:1rem 0}td{padding:.15rem 1rem .15rem 0;vertical-align:top}
tr.failed{color:#a00;font-weight:600}pre{background:#f4f4f4;padding:1rem;overflow:auto;font-size:13px}small{color:#666}</style></head>
<body><h1>${escapeText(report.title)}</h1>
<p>${escapeText(report.message)}</p>
${start === undefined ? '' : startSection(start)}<p><small>${report.status}</small></p>
</body></html>
`
}

function startSection(start: StartReport): string {
  const rows = start.steps.map(
    (step) =>
      `<tr${step.failed ? ' class="failed"' : ''}><td>${step.failed ? '✗' : '✓'} ${escapeText(step.step)}</td><td>${milliseconds(step.durationUs)}</td><td>${escapeText(step.reason)}</td></tr>`,
  )
  const failed = start.failingStep === '' ? '' : `<p>It failed at the step <b>${escapeText(start.failingStep)}</b>.</p>\n`
  const table = rows.length === 0 ? '' : `<table>${rows.join('\n')}</table>\n`
  const job = start.jobKey === '' ? '' : `<p><small>Job ${escapeText(start.jobKey)}</small></p>\n`
  const log =
    start.logTail.length === 0
      ? ''
      : `<p>Its last lines:</p><pre>${start.logTail.map((line) => escapeText(line)).join('\n')}</pre>\n`
  return failed + table + log + job
}

/** The same for programs: the error body of the API. */
export function errorJson(report: ErrorReport): string {
  const { start } = report
  const payload =
    start === undefined
      ? null
      : {
          code: start.code,
          failing_step: start.failingStep,
          job_key: start.jobKey,
          journey: start.steps.map((step) => ({
            step: step.step,
            duration_us: step.durationUs,
            failed: step.failed,
            reason: step.reason,
          })),
          ...(start.logTail.length === 0 ? {} : { log_tail: start.logTail }),
        }
  return JSON.stringify({ code: report.apiCode, error: report.message, payload })
}
