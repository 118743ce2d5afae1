import { createAccounts } from './accounts.mjs'
import { installPackages } from './apt.mjs'
import { buildLauncher, buildName, compile, fetchWsgiServer, installDependencies } from './build.mjs'
import { install, isInstalled, makeCurrent, removeOldBuilds } from './install.mjs'
import { step } from './step.mjs'
import { fetchToolchain } from './toolchain.mjs'

export function refuseUnlessRoot(command) {
  if (process.getuid() === 0) return
  console.error(`${command} must run as root: it installs packages, creates the accounts of Berth and starts its root agent.`)
  process.exit(77)
}

/** Everything up to an installed build of this checkout. Safe to repeat: what is there is left alone. Returns its name. */
export async function setUp({ packages, tests }) {
  await step('Debian packages', () => installPackages(packages))
  await step('Node and pnpm', () => fetchToolchain())
  await step('accounts', () => createAccounts())
  const build = buildName()
  const installed = isInstalled(build)
  if (!installed || tests) {
    await step('dependencies', () => installDependencies())
    await step('compile', () => compile({ tests }))
    await step('launcher', () => buildLauncher())
  }
  if (!installed) {
    let wsgiDir
    await step('WSGI server', () => {
      wsgiDir = fetchWsgiServer()
    })
    await step(`install build ${build}`, () => install(build, wsgiDir))
  }
  makeCurrent(build)
  removeOldBuilds(build)
  return build
}
