// Node 24 and pnpm 12 from npm, in a directory of this checkout: the machine's own Node only runs these scripts.
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from './run.mjs'

const NODE_VERSION = '24.21.0'
const PNPM_VERSION = '12.21.0'

export const ROOT = dirname(dirname(import.meta.dirname))
const TOOLCHAIN = join(ROOT, '.toolchain')
const ARCH = process.arch === 'arm64' ? 'arm64' : 'x64'
const PNPM_DIR = join(TOOLCHAIN, 'node_modules/@pnpm', `exe.linux-${ARCH}`)

/** Directory of the package whose bin/node is the product's Node. */
export const NODE_DIR = join(TOOLCHAIN, 'node_modules', `node-linux-${ARCH}`)
export const NODE = join(NODE_DIR, 'bin/node')
export const PNPM = join(PNPM_DIR, 'pnpm')

/** Environment in which Node 24 and pnpm 12 come first. */
export function toolchainEnv() {
  return { ...process.env, PATH: `${dirname(NODE)}:${PNPM_DIR}:${process.env.PATH}`, npm_config_nodedir: NODE_DIR, CI: 'true' }
}

export function fetchToolchain() {
  if (existsSync(NODE) && existsSync(PNPM) && run(NODE, ['--version']).trim() === `v${NODE_VERSION}`)
    return `Node ${NODE_VERSION}`
  mkdirSync(TOOLCHAIN, { recursive: true })
  const packages = [`node-linux-${ARCH}@${NODE_VERSION}`, `@pnpm/exe.linux-${ARCH}@${PNPM_VERSION}`]
  // No install scripts: both packages are plain binaries.
  run('npm', ['install', '--prefix', TOOLCHAIN, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...packages])
  return `fetched Node ${NODE_VERSION} and pnpm ${PNPM_VERSION}`
}
