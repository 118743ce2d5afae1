import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AGENT_PROTOCOL, API_VERSION_DEFAULT, PRODUCT_VERSION } from '@berth/domain/versions.js'
import type { Command } from 'commander'
import { INSTALL_DIR } from '../install-dir.js'

export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('Says the version of everything that has one.')
    .option('--json', 'as JSON')
    .action((options: { json?: true }) => {
      const versions = collectVersions()
      if (options.json === true) process.stdout.write(`${JSON.stringify(versions, null, 2)}\n`)
      else for (const [name, value] of Object.entries(versions)) process.stdout.write(`${name.padEnd(16)}${value}\n`)
    })
}

function collectVersions(): Record<string, string> {
  return {
    berth: PRODUCT_VERSION,
    build: basename(INSTALL_DIR),
    'agent protocol': `${AGENT_PROTOCOL.min} to ${AGENT_PROTOCOL.max}`,
    schema: newestMigration(),
    launcher: launcherVersion(),
    'client API': API_VERSION_DEFAULT,
    node: process.versions.node,
  }
}

function newestMigration(): string {
  try {
    const files = readdirSync(join(INSTALL_DIR, 'apps/control-plane/migrations')).filter((name) => name.endsWith('.sql'))
    return basename(files.sort().at(-1) ?? 'none', '.sql')
  } catch {
    return 'unknown'
  }
}

function launcherVersion(): string {
  const said = spawnSync(join(INSTALL_DIR, 'libexec/launcher'), ['--version'], { encoding: 'utf8' })
  return said.status === 0 ? said.stdout.trim().split('\n').join(', ') : 'not installed here'
}
