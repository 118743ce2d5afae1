import type { LoadedConfig } from '@berth/config/load-config.js'
import { AppError } from '@berth/domain/app-error.js'
import type { Command } from 'commander'
import { type ConfigurationOptions, readConfiguration } from '../read-configuration.js'

export function withConfigOption(command: Command): Command {
  return command.option('--config <file>', 'configuration file (default: /etc/berth/berth.gcfg, which may be missing)')
}

export function withPlaceOptions(command: Command): Command {
  return withConfigOption(command)
    .option('--data-dir <dir>', 'where everything variable is kept (Server.DataDir)')
    .option('--listen <address>', 'where visitors connect, HOST:PORT or :PORT (HTTP.Listen)')
}

export function loadWithWarnings(options: ConfigurationOptions): LoadedConfig {
  return readConfiguration(options, (line) => process.stderr.write(`${line}\n`))
}

export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) throw new AppError('forbidden', `${what} must run as root`)
}
