// The installed product: /usr/lib/berth/<build>/, owned by root, with its own Node. Built beside and renamed into place.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { APPS, copyTree, PACKAGES } from './build.mjs'
import { run } from './run.mjs'
import { NODE, ROOT, toolchainEnv } from './toolchain.mjs'

export const INSTALL_ROOT = '/usr/lib/berth'
const BUILDS_KEPT = 3

export const COMMAND = `#!/bin/sh
# berth: the command of the build that this file belongs to.
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../apps/cli/dist/main.js" "$@"
`

export function isInstalled(build) {
  return existsSync(join(INSTALL_ROOT, build, 'build.json'))
}

/** Puts the compiled checkout to /usr/lib/berth/<build>. wsgiDir: the unpacked WSGI server. */
export function install(build, wsgiDir) {
  mkdirSync(INSTALL_ROOT, { recursive: true, mode: 0o755 })
  const work = join(INSTALL_ROOT, `.${build}.tmp-${process.pid}`)
  rmSync(work, { recursive: true, force: true })
  const put = (from, to) => {
    mkdirSync(join(work, to, '..'), { recursive: true })
    copyTree(join(ROOT, from), join(work, to))
  }
  const umask = process.umask(0o022)
  try {
    for (const file of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', 'LICENSE']) put(file, file)
    for (const [room, names] of [
      ['apps', APPS],
      ['packages', PACKAGES],
    ]) {
      for (const name of names) {
        put(`${room}/${name}/package.json`, `${room}/${name}/package.json`)
        put(`${room}/${name}/dist`, `${room}/${name}/dist`)
      }
    }
    // Workspace members that are not part of the product, for the lock file's sake.
    for (const name of ['testing', 'tooling']) put(`packages/${name}/package.json`, `packages/${name}/package.json`)
    put('apps/control-plane/migrations', 'apps/control-plane/migrations')
    put('apps/cli/share', 'share')
    copyTree(wsgiDir, join(work, 'share/python/wsgi'))
    put('apps/dashboard/public', 'share/dashboard')
    copyTree(join(ROOT, 'apps/dashboard/dist'), join(work, 'share/dashboard'))
    run('pnpm', ['install', '--prod', '--frozen-lockfile', '--offline', '--ignore-scripts', '--package-import-method=copy'], {
      cwd: work,
      env: toolchainEnv(),
    })
    mkdirSync(join(work, 'bin'))
    copyFileSync(NODE, join(work, 'bin/node'))
    chmodSync(join(work, 'bin/node'), 0o755)
    writeFileSync(join(work, 'bin/berth'), COMMAND, { mode: 0o755 })
    mkdirSync(join(work, 'libexec'))
    copyFileSync(join(ROOT, 'packages/launcher/build/launcher'), join(work, 'libexec/launcher'))
    chmodSync(join(work, 'libexec/launcher'), 0o755)
    run('/usr/bin/python3', ['-m', 'compileall', '-q', join(work, 'share/python')])
    run('chown', ['-hR', 'root:root', work])
    run('chmod', ['-R', 'go-w,a+rX', work])
    writeFileSync(join(work, 'build.json'), `${JSON.stringify({ build, installed: new Date().toISOString() })}\n`)
    renameSync(work, join(INSTALL_ROOT, build))
  } finally {
    process.umask(umask)
    rmSync(work, { recursive: true, force: true })
  }
}

/** Makes `current` point to the build, in one step. */
export function makeCurrent(build) {
  const link = join(INSTALL_ROOT, `.current-${process.pid}`)
  rmSync(link, { force: true })
  symlinkSync(build, link)
  renameSync(link, join(INSTALL_ROOT, 'current'))
}

/** Removes old builds that nothing runs from; the newest few stay. */
export function removeOldBuilds(current) {
  const builds = readdirSync(INSTALL_ROOT)
    .filter((name) => name !== current && existsSync(join(INSTALL_ROOT, name, 'build.json')) && name !== 'current')
    .sort((a, b) => statSync(join(INSTALL_ROOT, b)).mtimeMs - statSync(join(INSTALL_ROOT, a)).mtimeMs)
  const inUse = executablesRunning()
  for (const name of builds.slice(BUILDS_KEPT - 1)) {
    const path = join(INSTALL_ROOT, name)
    if (![...inUse].some((used) => used.includes(`${path}/`))) rmSync(path, { recursive: true, force: true })
  }
}

// Command lines too: content runs the start programs of the build that launched it.
function executablesRunning() {
  const seen = new Set()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      seen.add(`${run('readlink', [`/proc/${pid}/exe`]).trim()} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8')}`)
    } catch {
      // gone meanwhile, or a kernel thread
    }
  }
  return seen
}
