import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from './run.mjs'
import { ROOT, toolchainEnv } from './toolchain.mjs'

export const APPS = ['control-plane', 'agent', 'gateway', 'dashboard', 'cli']
export const PACKAGES = ['domain', 'sandbox-plan', 'protocol', 'api-contract', 'config']
const WSGI_LOCK = 'apps/cli/share/python/wsgi-requirements.txt'

/** Everything that the installed product is made from. */
const INPUTS = [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'tsconfig.base.json',
  'apps/cli/share',
  'apps/dashboard/public',
  'apps/control-plane/migrations',
  'packages/launcher/Makefile',
  'packages/launcher/src',
  'scripts/setup/install.mjs',
  ...APPS.flatMap((app) => [`apps/${app}/src`, `apps/${app}/package.json`, `apps/${app}/tsconfig.json`]),
  ...PACKAGES.flatMap((name) => [`packages/${name}/src`, `packages/${name}/package.json`, `packages/${name}/tsconfig.json`]),
]

/** Names the build by its version and what it is made from: the same checkout gives the same name. */
export function buildName() {
  const hash = createHash('sha256')
  for (const input of INPUTS) {
    for (const file of filesOf(join(ROOT, input))) {
      if (file.endsWith('.test.ts') || file.includes('__pycache__')) continue
      hash.update(relative(ROOT, file)).update('\0').update(readFileSync(file)).update('\0')
    }
  }
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return `${version}-${hash.digest('hex').slice(0, 12)}`
}

export function installDependencies() {
  run('pnpm', ['install', '--frozen-lockfile'], { cwd: ROOT, env: toolchainEnv() })
}

/** Compiles the product; with tests, their types are checked as well. */
export function compile({ tests }) {
  const projects = tests ? ['.'] : [...PACKAGES.map((name) => `packages/${name}`), ...APPS.map((app) => `apps/${app}`)]
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-b', ...projects], { cwd: ROOT, env: toolchainEnv() })
}

export function buildLauncher() {
  run('make', ['-s', '-C', join(ROOT, 'packages/launcher')])
}

/** Our WSGI server, its hashes locked, in a directory keyed by the lock. Returns the directory. */
export function fetchWsgiServer() {
  const lock = join(ROOT, WSGI_LOCK)
  const key = createHash('sha256').update(readFileSync(lock)).digest('hex').slice(0, 16)
  const target = join(ROOT, '.toolchain', `wsgi-${key}`)
  if (existsSync(target)) return target
  const work = `${target}.tmp-${process.pid}`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  try {
    run('/usr/bin/python3', ['-m', 'venv', join(work, 'venv')])
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--no-compile']
    run(join(work, 'venv/bin/python3'), [...pip, '--target', join(work, 'wsgi'), '--requirement', lock])
    rmSync(join(work, 'wsgi/bin'), { recursive: true, force: true })
    renameSync(join(work, 'wsgi'), target)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return target
}

function filesOf(path) {
  if (!existsSync(path)) return []
  const entries = readdirSafe(path)
  if (entries === undefined) return [path]
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

function readdirSafe(path) {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined
    throw error
  }
}

export function copyTree(from, to) {
  cpSync(from, to, { recursive: true, dereference: false })
}
