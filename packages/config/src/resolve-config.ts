// Which value every setting has, and why: file, environment and flags laid over the defaults. Pure.
import type { ConfigProblem } from './config-problem.js'
import { nearestName } from './nearest-name.js'
import type { GcfgDocument } from './read-gcfg.js'
import type { Setting } from './setting.js'
import { parseValue } from './setting-type.js'
import { NAMED_SECTIONS, SETTINGS, type SectionName, type SettingName, type SettingValue } from './settings-table.js'

export type Scalar = boolean | number | string

export interface EffectiveSetting {
  readonly section: string
  readonly name: string
  readonly setting: Setting
  readonly value: Scalar | readonly Scalar[] | null
  /** `FILE:LINE`, `environment NAME`, `flag --NAME`, or `default`. */
  readonly source: string
}

export interface Config {
  /** Supported settings, in the order of the table. */
  readonly settings: readonly EffectiveSetting[]
  readonly problems: readonly ConfigProblem[]
  value<S extends SectionName, N extends SettingName<S>>(section: S, name: N): SettingValue<S, N>
  source<S extends SectionName, N extends SettingName<S>>(section: S, name: N): string
}

export interface ConfigSources {
  readonly document: GcfgDocument
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Values of command line flags: `--data-dir` is Server.DataDir, and so on. */
  readonly flags?: Readonly<Record<string, string>>
}

/** Flag → setting. */
export const FLAG_SETTINGS = {
  'data-dir': ['Server', 'DataDir'],
  listen: ['HTTP', 'Listen'],
} as const

const ENVIRONMENT_PREFIX = 'BERTH_'
/** Names that other programs set, weaker than our own. */
const FOREIGN_VARIABLES: Readonly<Record<string, readonly [SectionName, string]>> = {
  DATABASE_URL: ['Postgres', 'URL'],
  REDIS_URL: ['Redis', 'URL'],
  CONNECT_BOOTSTRAP_ENABLED: ['Bootstrap', 'Enabled'],
  CONNECT_BOOTSTRAP_SECRETKEY: ['Bootstrap', 'SecretKey'],
}

interface Given {
  readonly texts: readonly string[]
  readonly sources: readonly string[]
}

/**
 * Later sources win: defaults, the file, DATABASE_URL and its like, `BERTH_<SECTION>_<NAME>`, flags. Within the file the last line of a
 * property wins, or adds to a multi one. Unknown names and known ones without effect are warnings; wrong types and ranges are refusals.
 * Source: settings.md 1.0, requirements "Names".
 */
export function resolveConfig(sources: ConfigSources): Config {
  const problems: ConfigProblem[] = [...sources.document.problems]
  const given = new Map<string, Given>()
  const isMulti = (section: string, name: string) => settingOf(section, name)?.multi === true

  for (const entry of sources.document.entries) {
    const section = canonical(Object.keys(SETTINGS), entry.section)
    const name = section === undefined ? undefined : canonical(Object.keys(sectionOf(section)), entry.name)
    if (section === undefined || name === undefined) {
      problems.push(unknownName(entry.where, entry.section, section, entry.name))
      continue
    }
    if (entry.subsection !== null && !NAMED_SECTIONS.includes(section)) {
      const message = `[${section} "${entry.subsection}"] has a name, which [${section}] does not take; this line has no effect`
      problems.push({ kind: 'warning', where: entry.where, message })
      continue
    }
    if (settingOf(section, name)?.supported !== true) {
      problems.push({
        kind: 'warning',
        where: entry.where,
        message: `${section}.${name} is not supported yet and has no effect`,
      })
      continue
    }
    const key = `${section}.${name}`
    const before = given.get(key)
    const add = isMulti(section, name) && before !== undefined
    given.set(key, {
      texts: add ? [...before.texts, entry.value] : [entry.value],
      sources: add ? [...before.sources, entry.where] : [entry.where],
    })
  }

  const override = (section: string, name: string, text: string, source: string) => {
    // A multi value in the environment has one value per line.
    const texts = isMulti(section, name)
      ? text
          .split('\n')
          .map((one) => one.trim())
          .filter((one) => one !== '')
      : [text]
    given.set(`${section}.${name}`, { texts, sources: texts.map(() => source) })
  }
  for (const [variable, [section, name]] of Object.entries(FOREIGN_VARIABLES)) {
    const text = sources.environment[variable]
    if (text !== undefined && text !== '') override(section, name, text, `environment ${variable}`)
  }
  for (const [variable, text] of Object.entries(sources.environment)) {
    if (text === undefined || !variable.startsWith(ENVIRONMENT_PREFIX)) continue
    const [first = '', ...rest] = variable.slice(ENVIRONMENT_PREFIX.length).split('_')
    const section = canonical(Object.keys(SETTINGS), first)
    // Other things are called BERTH_… too: only a section's name makes it ours.
    if (section === undefined || rest.length === 0) continue
    const name = canonical(Object.keys(sectionOf(section)), rest.join('_'))
    const where = `environment ${variable}`
    if (name === undefined) problems.push(unknownName(where, section, section, rest.join('_')))
    else if (settingOf(section, name)?.supported !== true) {
      problems.push({ kind: 'warning', where, message: `${section}.${name} is not supported yet and has no effect` })
    } else override(section, name, text, where)
  }
  for (const [flag, [section, name]] of Object.entries(FLAG_SETTINGS)) {
    const text = sources.flags?.[flag]
    if (text !== undefined) override(section, name, text, `flag --${flag}`)
  }

  const settings: EffectiveSetting[] = []
  for (const [section, properties] of Object.entries(SETTINGS)) {
    for (const [name, setting] of Object.entries(properties) as [string, Setting][]) {
      if (!setting.supported) continue
      settings.push(effective(section, name, setting, given.get(`${section}.${name}`), problems))
    }
  }
  const byKey = new Map(settings.map((one) => [`${one.section}.${one.name}`, one]))
  const find = (section: string, name: string): EffectiveSetting => {
    const found = byKey.get(`${section}.${name}`)
    if (found === undefined) throw new Error(`${section}.${name} is not a supported setting`)
    return found
  }
  const config: Config = {
    settings,
    problems,
    // The table's type parameter says what parseValue made of the text for this kind.
    value: <S extends SectionName, N extends SettingName<S>>(section: S, name: N) =>
      find(section, name).value as SettingValue<S, N>,
    source: (section, name) => find(section, name).source,
  }
  problems.push(...checkTogether(config))
  return config
}

function effective(
  section: string,
  name: string,
  setting: Setting,
  given: Given | undefined,
  problems: ConfigProblem[],
): EffectiveSetting {
  const fallback = setting.default as EffectiveSetting['value']
  if (given === undefined) return { section, name, setting, value: fallback, source: 'default' }
  const values: Scalar[] = []
  for (const [at, text] of given.texts.entries()) {
    const parsed = parseValue(setting.kind, text)
    const why = parsed.kind === 'bad' ? parsed.why : setting.refuse(parsed.value)
    if (parsed.kind === 'value' && why === undefined) {
      values.push(parsed.value)
      continue
    }
    const shown = parsed.kind === 'bad' || setting.secret || setting.kind === 'boolean' ? '' : ` ("${text}")`
    const message = `${section}.${name}${shown} ${parsed.kind === 'bad' && setting.secret ? 'cannot be read' : why}`
    problems.push({ kind: 'refusal', where: given.sources[at] ?? '', message })
  }
  const source = [...new Set(given.sources)].join(', ')
  if (setting.multi) return { section, name, setting, value: values, source }
  return { section, name, setting, value: values[0] ?? fallback, source }
}

/** What no single value shows. */
function checkTogether(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const refuse = (section: SectionName, name: string, message: string) =>
    problems.push({ kind: 'refusal', where: config.source(section, name as never), message: `${section}.${name} ${message}` })
  const minProcesses = config.value('Scheduler', 'MinProcesses')
  const maxProcesses = config.value('Scheduler', 'MaxProcesses')
  if (minProcesses > maxProcesses) refuse('Scheduler', 'MinProcesses', 'is above Scheduler.MaxProcesses')
  if (minProcesses > config.value('Scheduler', 'MinProcessesLimit')) {
    refuse('Scheduler', 'MinProcesses', 'is above Scheduler.MinProcessesLimit')
  }
  if (maxProcesses > config.value('Scheduler', 'MaxProcessesLimit')) {
    refuse('Scheduler', 'MaxProcesses', 'is above Scheduler.MaxProcessesLimit')
  }
  if (config.value('Bootstrap', 'Enabled') && config.value('Bootstrap', 'SecretKey') === null) {
    refuse('Bootstrap', 'Enabled', 'needs Bootstrap.SecretKey')
  }
  for (const [section, name] of [
    ['Server', 'DataDir'],
    ['Server', 'RunDir'],
    ['Server', 'TempDir'],
    ['SQLite', 'Dir'],
    ['Agent', 'StateDir'],
  ] as const) {
    const path = config.value(section, name as never) as string | null
    const inside = PRODUCT_DIRS.find((dir) => path === dir || path?.startsWith(`${dir}/`))
    if (inside !== undefined) refuse(section, name, `lies inside ${inside}, which is replaced by upgrades`)
  }
  return problems
}

/** Where the product itself lies: nothing variable may. */
const PRODUCT_DIRS = ['/usr/lib/berth', '/opt/berth']

function unknownName(where: string, written: string, section: string | undefined, name: string): ConfigProblem {
  if (section === undefined) {
    const near = nearestName(written, Object.keys(SETTINGS))
    const hint = near === undefined ? '' : `; did you mean [${near}]?`
    return { kind: 'warning', where, message: `there is no section [${written}], so ${name} has no effect${hint}` }
  }
  const near = nearestName(name, Object.keys(sectionOf(section)))
  const elsewhere = near ?? sectionsWith(name).map((one) => `${one}.${name}`)[0]
  const hint = elsewhere === undefined ? '' : `; did you mean ${near === undefined ? elsewhere : `${section}.${near}`}?`
  return { kind: 'warning', where, message: `there is no setting ${section}.${name}${hint}` }
}

function sectionsWith(name: string): string[] {
  return Object.entries(SETTINGS).flatMap(([section, properties]) =>
    canonical(Object.keys(properties), name) === undefined ? [] : [section],
  )
}

function canonical(names: readonly string[], written: string): string | undefined {
  return names.find((name) => name.toLowerCase() === written.toLowerCase())
}

function sectionOf(section: string): Readonly<Record<string, Setting>> {
  return (SETTINGS as Readonly<Record<string, Readonly<Record<string, Setting>>>>)[section] ?? {}
}

function settingOf(section: string, name: string): Setting | undefined {
  return sectionOf(section)[name]
}
