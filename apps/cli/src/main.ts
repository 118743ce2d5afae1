// `berth`: the command of operators.

import { errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { Command } from 'commander'
import { addUpCommand } from './up/up-command.js'

const program = new Command('berth')
  .description('Publishes and runs R and Python content on this host.')
  .version(PRODUCT_VERSION, '-V, --version')
  .showHelpAfterError('(see --help)')

addUpCommand(program)

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`berth: ${errorChain(error)}\n`)
  process.exitCode = 1
})
