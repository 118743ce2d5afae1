// Syntax of the configuration file: Go's gcfg, which is git's with a mandatory `=`. Pure: text in, entries out.
import type { ConfigProblem } from './config-problem.js'

export interface GcfgEntry {
  /** As written; names are compared without regard to case. */
  readonly section: string
  /** Text between the quotes of `[Section "sub"]`; null without. */
  readonly subsection: string | null
  readonly name: string
  readonly value: string
  /** `FILE:LINE` of the property. */
  readonly where: string
}

export interface GcfgDocument {
  /** In the order of the file. Repeated sections add up, so they need no merging here. */
  readonly entries: readonly GcfgEntry[]
  readonly problems: readonly ConfigProblem[]
}

const SECTION = /^\[\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:"((?:[^"\\]|\\.)*)"\s*)?\]\s*(?:[;#].*)?$/
const PROPERTY = /^([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)$/
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t', b: '\b' }

/**
 * Reads the text of a file. `file` is only named in problems. Every broken line is reported, not only the first.
 * Source: settings.md 1.0 (sections, multi, comments, mandatory equals sign), the gcfg and git-config manuals (quotes, escapes, continued lines).
 */
export function readGcfg(text: string, file: string): GcfgDocument {
  const entries: GcfgEntry[] = []
  const problems: ConfigProblem[] = []
  let section: { readonly name: string; readonly subsection: string | null } | undefined
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (let at = 0; at < lines.length; at += 1) {
    const where = `${file}:${at + 1}`
    const refuse = (message: string) => problems.push({ kind: 'refusal', where, message })
    const line = (lines[at] ?? '').trim()
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      const match = SECTION.exec(line)
      if (match === null) {
        section = undefined
        refuse(`"${line}" is no section header; one looks like [Server] or [RPackageRepository "CRAN"]`)
      } else {
        section = { name: match[1] ?? '', subsection: match[2]?.replace(/\\(.)/g, '$1') ?? null }
      }
      continue
    }
    const match = PROPERTY.exec(line)
    if (match === null) {
      refuse(`"${line}" is no property; one looks like Name = value, and the equals sign is mandatory`)
      continue
    }
    let raw = match[2] ?? ''
    // A backslash at the end of the line, not itself escaped, continues the value.
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(raw) && at + 1 < lines.length) {
      at += 1
      raw = raw.slice(0, -1) + (lines[at] ?? '').trim()
    }
    const value = readValue(raw)
    if (value.kind === 'bad') refuse(`the value of ${match[1]} ${value.why}`)
    else if (section === undefined) refuse(`${match[1]} stands before any section header such as [Server]`)
    else entries.push({ section: section.name, subsection: section.subsection, name: match[1] ?? '', value: value.text, where })
  }
  return { entries, problems }
}

/** Takes quotes, escapes and a trailing comment out of what follows the equals sign. */
function readValue(raw: string): { kind: 'value'; text: string } | { kind: 'bad'; why: string } {
  let text = ''
  // Blanks count only when something follows them or they are quoted.
  let blanks = ''
  let quoted = false
  for (let at = 0; at < raw.length; at += 1) {
    const char = raw[at] ?? ''
    if (char === '"') {
      quoted = !quoted
      text += blanks
      blanks = ''
    } else if (char === '\\') {
      at += 1
      const escaped = ESCAPES[raw[at] ?? '']
      if (escaped === undefined) return { kind: 'bad', why: `has \\${raw[at] ?? ''}; write \\\\ for a backslash` }
      text += blanks + escaped
      blanks = ''
    } else if (!quoted && (char === ';' || char === '#')) {
      break
    } else if (!quoted && (char === ' ' || char === '\t')) {
      blanks += char
    } else {
      text += blanks + char
      blanks = ''
    }
  }
  return quoted ? { kind: 'bad', why: 'has an opening quote without a closing one' } : { kind: 'value', text }
}
