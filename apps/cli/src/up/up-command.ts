import {
  deriveAgentSettings,
  deriveControlPlaneSettings,
  deriveGatewaySettings,
  derivePaths,
} from '@berth/config/derive-part-settings.js'
import type { Command } from 'commander'
import { INSTALL_DIR } from '../installed-build.js'
import { type ConfigurationOptions, readConfiguration } from '../read-configuration.js'
import { loadStorePasswords } from '../stores/store-passwords.js'
import { runUp } from './run-up.js'

interface UpOptions extends ConfigurationOptions {
  readonly samples: boolean
  readonly endWithParent?: boolean
}

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('Run a whole single-host Berth with a PostgreSQL and a Redis of its own, until Ctrl-C')
    .option('--config <file>', 'configuration file (default: /etc/berth/berth.gcfg, when it exists)')
    .option('--data-dir <dir>', 'where everything variable is kept (Server.DataDir)')
    .option('--listen <address>', 'where visitors connect, such as :3939 or 127.0.0.1:8080 (HTTP.Listen)')
    .option('--no-samples', 'make no administrator and publish no samples')
    .option('--end-with-parent', 'end as killed when the parent process is gone')
    .action(async (options: UpOptions) => {
      if (process.getuid?.() !== 0)
        throw new Error('`berth up` must run as root: its agent makes sandboxes and switches accounts')
      const config = readConfiguration(options, (line) => process.stderr.write(`  ! ${line}\n`))
      const passwords = loadStorePasswords(derivePaths(config).dataDir)
      process.exitCode = await runUp({
        controlPlane: deriveControlPlaneSettings(config, passwords, INSTALL_DIR),
        agent: deriveAgentSettings(config, null, INSTALL_DIR),
        gateway: deriveGatewaySettings(config),
        installDir: INSTALL_DIR,
        samples: options.samples,
        endWithParent: options.endWithParent ?? false,
      })
    })
}
