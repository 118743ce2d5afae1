import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { HostFacts } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { CgroupFacts } from './cgroups.js'
import { discoverPythons, discoverRs } from './interpreters.js'
import type { Users } from './users.js'

export interface FactsSettings {
  readonly defaultAccount: string
  readonly pythonExecutables: readonly string[]
  readonly rExecutables: readonly string[]
}

/** What the control plane places by. Without a default account no interpreter is asked: there is nobody to ask as. */
export async function gatherHostFacts(settings: FactsSettings, users: Users, cgroups: CgroupFacts): Promise<HostFacts> {
  const account = await users.user(settings.defaultAccount)
  const as = account !== undefined && account.uid !== 0 ? { uid: account.uid, gid: account.gid } : undefined
  const [pythons, rs] =
    as === undefined
      ? [[], []]
      : await Promise.all([
          discoverPythons({ as, configured: settings.pythonExecutables }),
          discoverRs({ as, configured: settings.rExecutables }),
        ])
  return {
    cpuCount: cpus().length,
    memoryBytes: BigInt(totalmem()),
    kernel: release(),
    distribution: distribution(),
    cgroupMode: cgroups.mode,
    pythons,
    rs,
  }
}

function distribution(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8')
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? 'Linux'
  } catch {
    return 'Linux'
  }
}
