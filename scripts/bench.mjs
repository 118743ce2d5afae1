// `npm run bench`: runs every bench of test/bench, or those whose name holds an argument, and prints their tables.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH_PACKAGES, PRODUCT_PACKAGES } from './setup/apt.mjs'
import { refuseUnlessRoot, setUp } from './setup/set-up.mjs'
import { NODE, ROOT, toolchainEnv } from './setup/toolchain.mjs'

refuseUnlessRoot('npm run bench')
await setUp({ packages: [...PRODUCT_PACKAGES, ...BENCH_PACKAGES], tests: true })

const wanted = process.argv.slice(2)
const benches = readdirSync(join(ROOT, 'test/bench'))
  .filter((name) => name.endsWith('.bench.mjs') && (wanted.length === 0 || wanted.some((word) => name.includes(word))))
  .sort()
let failed = 0
for (const name of benches) {
  console.log(`\n== ${name}`)
  const done = spawnSync(NODE, [join(ROOT, 'test/bench', name)], { cwd: ROOT, env: toolchainEnv(), stdio: 'inherit' })
  if (done.status !== 0) failed += 1
}
process.exit(failed === 0 ? 0 : 1)
