// Before the tests that boot something: a look at the machine. After them: the shared Berth goes, also when a run was cut short.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeHostSnapshot } from '@berth/testing/host-snapshot.js'
import { stopShared } from '@berth/testing/shared-berth.js'
import { RUN_DIR_VARIABLE } from '@berth/testing/test-run.js'

export default function setup(): () => Promise<void> {
  const runDir = mkdtempSync(join(tmpdir(), 'berth-test-run-'))
  process.env[RUN_DIR_VARIABLE] = runDir
  writeFileSync(join(runDir, 'before.json'), JSON.stringify(takeHostSnapshot()))
  return async () => {
    try {
      await stopShared()
    } finally {
      rmSync(runDir, { recursive: true, force: true })
    }
  }
}
