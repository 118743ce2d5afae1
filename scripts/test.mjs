// `npm test`: sets up, installs this checkout's build, checks style and boundaries, and runs every test.
// `npm test -- PATTERN…` runs only the test files whose path holds a pattern.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { PRODUCT_PACKAGES, TEST_PACKAGES } from './setup/apt.mjs'
import { refuseUnlessRoot, setUp } from './setup/set-up.mjs'
import { secondsSinceStart } from './setup/step.mjs'
import { NODE, ROOT, toolchainEnv } from './setup/toolchain.mjs'

refuseUnlessRoot('npm test')

/** The closing line is ours to print when no test could run. */
function giveUp(message) {
  console.error(message)
  console.log('0 passed, 1 failed')
  process.exit(1)
}

try {
  await setUp({ packages: [...PRODUCT_PACKAGES, ...TEST_PACKAGES], tests: true })
} catch (error) {
  giveUp(`\nset-up failed: ${error.message}`)
}

const bin = (name) => join(ROOT, 'node_modules/.bin', name)
const checks = [
  ['style (biome)', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['boundaries (dependency-cruiser)', bin('depcruise'), ['--config', 'packages/tooling/boundaries.cjs', 'apps', 'packages']],
  ['generated protocol code', NODE, ['packages/tooling/src/generate-proto.mjs', '--check']],
]
let failedChecks = 0
for (const [name, program, args] of checks) {
  const done = spawnSync(program, args, { cwd: ROOT, env: toolchainEnv(), encoding: 'utf8' })
  console.log(`  ${done.status === 0 ? '✓' : '✗'} ${name}`)
  if (done.status === 0) continue
  failedChecks += 1
  console.error(`${done.stdout ?? ''}${done.stderr ?? ''}`)
}
console.log(`  set-up and checks took ${secondsSinceStart()} s`)

const env = { ...toolchainEnv(), BERTH_FAILED_CHECKS: String(failedChecks) }
const vitest = spawn(bin('vitest'), ['run', ...process.argv.slice(2)], { cwd: ROOT, env, stdio: 'inherit' })
process.on('SIGINT', () => {})
vitest.on('error', (error) => giveUp(`cannot run vitest: ${error.message}`))
vitest.on('exit', (code) => process.exit(code === 0 && failedChecks > 0 ? 1 : (code ?? 1)))
