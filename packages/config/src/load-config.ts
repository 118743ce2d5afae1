// Reads the configuration: file, environment, flags. With readPartSettings the only code that looks at process.env.
import { readFileSync } from 'node:fs'
import { AppError } from '@berth/domain/app-error.js'
import { readGcfg } from './read-gcfg.js'
import { type Config, resolveConfig } from './resolve-config.js'

export const DEFAULT_CONFIG_FILE = '/etc/berth/berth.gcfg'

export interface LoadedConfig extends Config {
  /** The file that was asked for, whether it exists or not. */
  readonly file: string
  readonly fileExists: boolean
  /** Parent of the workspaces: Server.TempDir, else our TMPDIR, else /tmp. */
  readonly tempDir: string
}

/**
 * file: undefined = the default one, which may be missing; a file that was asked for must exist.
 * Does not throw for bad settings: see `problems`.
 */
export function loadConfig(
  options: { readonly file?: string | undefined; readonly flags?: Readonly<Record<string, string>> } = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): LoadedConfig {
  const file = options.file ?? DEFAULT_CONFIG_FILE
  let text: string | undefined
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' || options.file !== undefined) {
      throw new AppError('invalid', `cannot read the configuration file ${file} (${code})`, { cause })
    }
  }
  const config = resolveConfig({
    document: text === undefined ? { entries: [], problems: [] } : readGcfg(text, file),
    environment,
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  })
  return {
    ...config,
    file,
    fileExists: text !== undefined,
    tempDir: config.value('Server', 'TempDir') ?? (environment.TMPDIR || '/tmp'),
  }
}
