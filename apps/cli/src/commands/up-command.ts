import type { Command } from 'commander'
import { endWithStarter } from '../up/end-with-starter.js'
import { runUp } from '../up/run-up.js'
import { loadWithWarnings, requireRoot, withPlaceOptions } from './common-options.js'

export function addUpCommand(program: Command): void {
  withPlaceOptions(program.command('up'))
    .summary('run a whole Berth on this host until Ctrl-C')
    .description(
      'Runs a whole Berth on this host: a private PostgreSQL and Redis unless others are set, the control plane, the agent and the gateway.\n' +
        'The first start makes an administrator and publishes sample content. Ctrl-C stops everything, content too; when this command is\n' +
        'killed outright, content and the servers live on and the next start takes them over.',
    )
    .option('--no-samples', 'start empty: no administrator, no sample content')
    .option('--end-with-starter', 'end as killed when the pipe on descriptor 3 is closed (for npm start)')
    .action(async (options: { config?: string; dataDir?: string; listen?: string; samples: boolean; endWithStarter?: true }) => {
      requireRoot('berth up')
      const config = loadWithWarnings(options)
      if (options.endWithStarter === true) endWithStarter()
      process.exitCode = await runUp({ config, samples: options.samples })
      // Streams of parts that are gone may still be counted as open.
      process.exit()
    })
}
