// `berth`: the command of operators. Runs a Berth on this host or one part of it, checks its configuration, does what is done to users and
// nodes from the command line. Leaves to the parts everything that a running server does.
import { AppError, errorChain } from '@berth/domain/app-error.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import { Command } from 'commander'
import { addConfigCommand } from './commands/config-command.js'
import { addRunCommand } from './commands/run-command.js'
import { addUpCommand } from './commands/up-command.js'
import { addNodeCommand, addUserCommand } from './commands/user-command.js'
import { addVersionCommand } from './commands/version-command.js'

const program = new Command('berth')
  .description('Publishes and runs R and Python content on this host.')
  .version(PRODUCT_VERSION, '-V, --version')
  .showHelpAfterError('(see --help)')
  .configureHelp({ sortSubcommands: false })

addUpCommand(program)
addRunCommand(program)
addConfigCommand(program)
addUserCommand(program)
addNodeCommand(program)
addVersionCommand(program)

try {
  await program.parseAsync()
} catch (error) {
  // A refusal is complete in itself; of anything else the causes help.
  const message = error instanceof AppError && error.code !== 'internal' ? error.message : errorChain(error)
  process.stderr.write(`${message.replace(/^/gm, 'berth: ')}\n`)
  process.exit(error instanceof AppError && error.code === 'invalid' ? 78 : 1)
}
