// `npm start`: installs what this checkout lacks, then runs a single-host Berth from the installed build.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PRODUCT_PACKAGES } from './setup/apt.mjs'
import { INSTALL_ROOT } from './setup/install.mjs'
import { refuseUnlessRoot, setUp } from './setup/set-up.mjs'

const PARENT_CHECK_MS = 500

refuseUnlessRoot('npm start')
const args = process.argv.slice(2)
if (args.includes('--help') || args.includes('-h')) {
  console.log(`npm start [-- OPTIONS]   sets up and runs a single-host Berth; OPTIONS go to \`berth up\`:

  --config FILE     configuration file (default /etc/berth/berth.gcfg)
  --data-dir DIR    where everything variable is kept (default /var/lib/berth)
  --listen ADDRESS  where visitors connect (default :3939)
  --no-samples      start empty: no administrator, no sample content`)
  process.exit(0)
}

let build
try {
  build = await setUp({ packages: PRODUCT_PACKAGES, tests: false })
} catch (error) {
  console.error(`\nset-up failed: ${error.message}`)
  process.exit(1)
}

// A session of its own, so that a Ctrl-C reaches it once, through us; npm and the terminal both send it here. Descriptor 3 is never written
// to: when this script is killed outright its end tells `berth up`, which then ends as killed too. Content, Postgres and Redis live on.
const berth = spawn(join(INSTALL_ROOT, build, 'bin/berth'), ['up', '--end-with-starter', ...args], {
  detached: true,
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
})
berth.stdio[3].on('error', () => {})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => berth.kill(signal))

// When npm is killed outright there is nobody left to stop us. It may have started us through a shell, which would live on.
const starters = startersOf(process.pid)
setInterval(() => {
  if (startersOf(process.pid).join() !== starters.join()) process.kill(process.pid, 'SIGKILL')
}, PARENT_CHECK_MS).unref()

function startersOf(pid) {
  const parent = parentOf(pid)
  const isShell = /^(ba|da)?sh$/.test(readProc(parent, 'comm').trim()) && readProc(parent, 'cmdline').split('\0')[1] === '-c'
  return isShell ? [parent, ...startersOf(parent)] : [parent]
}

function parentOf(pid) {
  const stat = readProc(pid, 'stat')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function readProc(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

berth.on('error', (error) => {
  console.error(`cannot run berth: ${error.message}`)
  process.exit(1)
})
berth.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1)))
