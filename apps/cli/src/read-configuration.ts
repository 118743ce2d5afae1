// The configuration as every command reads it: warnings are said, wrong settings refuse.
import { formatProblem } from '@berth/config/config-problem.js'
import { type LoadedConfig, loadConfig } from '@berth/config/load-config.js'
import { AppError } from '@berth/domain/app-error.js'

export interface ConfigurationOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly listen?: string
}

/** Throws with every problem that forbids starting, each with its file and line. */
export function readConfiguration(options: ConfigurationOptions, warn: (line: string) => void): LoadedConfig {
  const flags: Record<string, string> = {}
  if (options.dataDir !== undefined) flags['data-dir'] = options.dataDir
  if (options.listen !== undefined) flags.listen = options.listen
  const config = loadConfig({ file: options.config, flags })
  const lines = (kind: 'refusal' | 'warning') =>
    config.problems.filter((problem) => problem.kind === kind).map((problem) => formatProblem(problem))
  for (const line of lines('warning')) warn(line)
  const refusals = lines('refusal')
  if (refusals.length > 0) throw new AppError('invalid', refusals.join('\n'))
  return config
}
