// One Berth with samples for all test files of a run: the first file that asks starts it, the run's teardown stops it.
// Test files run one after another, each in a process of its own; the record in a file is how they find it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './process-table.js'
import { removeTestAccounts } from './test-accounts.js'
import { type BerthRecord, TestBerth } from './test-berth.js'
import { RUN_DIR_VARIABLE, testRunDir } from './test-run.js'

function recordFile(): string {
  const dir = testRunDir()
  if (dir === undefined) throw new Error(`${RUN_DIR_VARIABLE} is not set: run the test through vitest's project "system"`)
  mkdirSync(dir, { recursive: true })
  return join(dir, 'shared-berth.json')
}

/** The run's Berth, with samples and a long idle time; started now when nobody asked before. */
export async function sharedBerth(): Promise<TestBerth> {
  const running = attachShared()
  if (running?.record.up != null && isAlive(running.record.up)) return running
  if (running !== undefined) throw new Error(`the shared Berth has ended; its log ends:\n${running.logTail()}`)
  const berth = await TestBerth.prepare({
    samples: true,
    settings: { Scheduler: { IdleTimeout: '10m', InitTimeout: '30s', StopGrace: '5s', KillGrace: '3s' } },
  })
  try {
    await berth.up()
  } finally {
    writeFileSync(recordFile(), JSON.stringify(berth.record))
  }
  return berth
}

/** The shared Berth when one was started in this run. */
export function attachShared(): TestBerth | undefined {
  const file = recordFile()
  if (!existsSync(file)) return undefined
  const record = JSON.parse(readFileSync(file, 'utf8')) as BerthRecord
  return TestBerth.attach(record, { ...record.accounts, remove: () => removeTestAccounts(record.accounts) })
}

/** Stops and removes it; throws, after removing what can be removed, when it left something behind. */
export async function stopShared(): Promise<void> {
  const berth = attachShared()
  if (berth === undefined) return
  try {
    await berth.stop()
  } finally {
    rmSync(recordFile(), { force: true })
    await berth.remove()
  }
}
