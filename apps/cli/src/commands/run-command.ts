// `berth run PART`: what systemd's units start. Reads the configuration as root, hands the part its own settings, drops to the part's
// account, waits, passes signals on and ends as the part ended.
import { type DatabasePasswords, derivePaths, SERVICE_ACCOUNTS } from '@berth/config/derive-part-settings.js'
import type { LoadedConfig } from '@berth/config/load-config.js'
import type { PartName } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { Argument, type Command } from 'commander'
import { findAccount } from '../host/accounts.js'
import { checkDefaultRunAs } from '../host/check-run-as.js'
import { makeDirectories } from '../host/directories.js'
import { checkTempDir, readTempDirFacts } from '../host/temp-dir.js'
import { agentPart, partOf } from '../parts/single-host-parts.js'
import { spawnPart } from '../parts/spawn-part.js'
import { readServerPasswords } from '../servers/passwords.js'
import { loadWithWarnings, requireRoot, withConfigOption } from './common-options.js'

const PARTS: readonly PartName[] = ['control-plane', 'agent', 'gateway']
const SIGNAL_STATUS: Readonly<Record<string, number>> = { SIGINT: 130, SIGKILL: 137, SIGTERM: 143, SIGSEGV: 139, SIGABRT: 134 }

export function addRunCommand(program: Command): void {
  withConfigOption(program.command('run'))
    .summary('run one part in the foreground, for a service manager')
    .description(
      'Runs one part in the foreground. Must be started by root: it reads the configuration, hands the part its own settings and drops to the\n' +
        "part's account (control-plane: berth-server, gateway: berth-gateway, agent: root). Ends with the part's exit status.",
    )
    .addArgument(new Argument('<part>').choices(PARTS))
    .option('--join-token <token>', 'one-time token for the agent of another host, from `berth node token`')
    .action(async (name: PartName, options: { config?: string; joinToken?: string }) => {
      requireRoot('berth run')
      const config = loadWithWarnings(options)
      process.umask(0o022)
      prepareHost(name, config)
      const { joinToken } = options
      const part =
        name === 'agent' && joinToken !== undefined
          ? agentPart(config, async () => joinToken)
          : partOf(name, config, () => privatePasswords(config))
      process.exitCode = await runInForeground(part)
      process.exit()
    })
}

/** For what has to reach the database: the private servers that `berth up` made on this host, unless others are set. */
export function privatePasswords(config: LoadedConfig): DatabasePasswords {
  const { dataDir } = derivePaths(config)
  const external = config.value('Postgres', 'URL') !== null && config.value('Redis', 'URL') !== null
  if (external) return { postgres: null, redis: null }
  const found = readServerPasswords(dataDir)
  if (found === undefined) {
    throw new AppError(
      'invalid',
      `there is no database: start \`berth up\`, which makes one in ${dataDir}, or set Postgres.URL and Redis.URL`,
    )
  }
  return found
}

function prepareHost(name: PartName, config: LoadedConfig): void {
  const paths = derivePaths(config)
  const { value } = config
  const content = checkDefaultRunAs(
    value('Applications', 'RunAs'),
    value('Applications', 'SharedRunAsUnixGroup'),
    value('Applications', 'RunAsMinUid'),
  )
  if (name === 'agent') {
    const problem = checkTempDir(paths.tempDir, readTempDirFacts(paths.tempDir))
    if (problem?.kind === 'refusal') throw new AppError('invalid', problem.message)
    if (problem !== undefined) process.stderr.write(`warning: ${problem.message}\n`)
  }
  makeDirectories([name], paths, {
    server: findAccount(SERVICE_ACCOUNTS.server),
    gateway: findAccount(SERVICE_ACCOUNTS.gateway),
    database: findAccount(SERVICE_ACCOUNTS.database),
    content,
  })
}

async function runInForeground(part: ReturnType<typeof partOf>): Promise<number> {
  const { process: child } = spawnPart(`apps/${part.name}/dist/main.js`, [], await part.settings(), {
    account: part.account,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(part.bindsLowPort === undefined ? {} : { bindsLowPort: part.bindsLowPort }),
    detached: false,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? SIGNAL_STATUS[signal ?? ''] ?? 1))
  })
}
