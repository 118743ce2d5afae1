// `berth`: the command of operators.
import { Command } from 'commander'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'

await new Command('berth')
  .description('Publishes and runs R and Python content on this host.')
  .version(PRODUCT_VERSION, '-V, --version')
  .parseAsync()
