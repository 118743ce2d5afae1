import { formatProblem } from '@berth/config/config-problem.js'
import { loadConfig } from '@berth/config/load-config.js'
import type { EffectiveSetting } from '@berth/config/resolve-config.js'
import { formatValue } from '@berth/config/setting-type.js'
import type { Command } from 'commander'
import { withPlaceOptions } from './common-options.js'

interface Options {
  readonly config?: string
  readonly dataDir?: string
  readonly listen?: string
  readonly all?: true
}

export function addConfigCommand(program: Command): void {
  const config = program.command('config').description('Check the configuration, or show what it comes to.')
  withPlaceOptions(config.command('check'))
    .description(
      'Reads the configuration and reports every problem with its file and line. Exit status 1 when Berth would refuse to start.',
    )
    .action((options: Options) => {
      const loaded = load(options)
      for (const problem of loaded.problems) process.stdout.write(`${formatProblem(problem)}\n`)
      const refusals = loaded.problems.filter((problem) => problem.kind === 'refusal').length
      const warnings = loaded.problems.length - refusals
      const what = loaded.fileExists ? loaded.file : `${loaded.file} (missing: defaults)`
      process.stdout.write(
        `${what}: ${refusals === 0 ? 'good' : `${refusals} to mend`}${warnings === 0 ? '' : `, ${warnings} warnings`}\n`,
      )
      if (refusals > 0) process.exitCode = 1
    })
  withPlaceOptions(config.command('show'))
    .description('Shows the effective value of every setting and where it comes from. Secrets are hidden.')
    .option('--all', 'also those that have their default')
    .action((options: Options) => {
      const loaded = load(options)
      for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`)
      const shown = loaded.settings.filter((one) => options.all === true || one.source !== 'default')
      process.stdout.write(formatSettings(shown))
      if (options.all !== true) process.stdout.write('; every other setting has its default: berth config show --all\n')
      if (loaded.problems.some((problem) => problem.kind === 'refusal')) process.exitCode = 1
    })
}

function load(options: Options) {
  const flags: Record<string, string> = {}
  if (options.dataDir !== undefined) flags['data-dir'] = options.dataDir
  if (options.listen !== undefined) flags.listen = options.listen
  return loadConfig({ file: options.config, flags })
}

/** In the file's own syntax, with the source as a comment. Pure. */
export function formatSettings(settings: readonly EffectiveSetting[]): string {
  let text = ''
  let section = ''
  for (const one of settings) {
    if (one.section !== section) text += `${section === '' ? '' : '\n'}[${one.section}]\n`
    section = one.section
    const values = valuesOf(one)
    if (values.length === 0) text += `; ${one.name}: ${one.setting.defaultNote ?? 'not set'}  ; ${one.source}\n`
    for (const value of values) text += `${one.name} = ${value}  ; ${one.source}\n`
  }
  return text
}

function valuesOf(one: EffectiveSetting): string[] {
  const { value, setting } = one
  if (value === null) return []
  if (setting.secret) return ['(hidden)']
  return [value].flat().map((item) => quoted(formatValue(setting.kind, item as boolean | number | string)))
}

function quoted(text: string): string {
  return /[;#"\\]|^\s|\s$/.test(text) ? JSON.stringify(text) : text
}
