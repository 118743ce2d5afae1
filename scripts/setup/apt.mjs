// Debian packages: installs what lacks, and keeps Debian from starting servers that nobody asked for.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { run } from './run.mjs'

/** What a running Berth needs. */
export const PRODUCT_PACKAGES = [
  'postgresql',
  'redis-server',
  'gcc',
  'make',
  'libc6-dev',
  'libpam0g-dev',
  'libseccomp-dev',
  'r-base-core',
  'r-cran-shiny',
  'python3',
  'python3-venv',
  'ca-certificates',
]
/** What its tests need besides. */
export const TEST_PACKAGES = ['chromium', 'libasan8', 'libubsan1']
/** The peers that the benches compare with. */
export const BENCH_PACKAGES = ['nginx-light', 'wrk', 'bubblewrap', 'crun']

const CLUSTER_CONF = '/etc/postgresql-common/createcluster.conf'
const POLICY = '/usr/sbin/policy-rc.d'

export function missingPackages(names) {
  return names.filter((name) => {
    try {
      return !run('dpkg-query', ['-s', name]).includes('Status: install ok installed')
    } catch {
      return true // dpkg-query knows nothing of it
    }
  })
}

/** Installs the missing ones of `names`. Returns a note. Servers that exist are left as they are. */
export function installPackages(names) {
  const missing = missingPackages(names)
  if (missing.length === 0) return 'all there'
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`please install these packages first (this host has no apt): ${missing.join(' ')}`)
  }
  // Debian's postgresql makes and starts a cluster on port 5432 when installed, and redis-server starts on 6379.
  // Berth runs private ones; a host that has neither should not get public ones through us.
  if (!existsSync(CLUSTER_CONF)) {
    mkdirSync('/etc/postgresql-common', { recursive: true })
    writeFileSync(CLUSTER_CONF, 'create_main_cluster = false\n')
  }
  const ownPolicy = !existsSync(POLICY)
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
    run('apt-get', ['update', '-q'], { env })
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env })
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true })
  }
  return `installed ${missing.join(' ')}`
}
