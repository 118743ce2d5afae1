import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RunDir } from './run-dir.js'

const ID = '01900000-0000-7000-8000-00000000000a'
const record = {
  spec: ProcessSpec.fromPartial({ processId: ID, fence: 9n, runAs: 'someone' }),
  bootId: 'boot',
  cgroups: ['/sys/fs/cgroup/x'],
}
const accepted = { event: { $case: 'accepted', value: {} } } as const
const started = { event: { $case: 'started', value: { hostPid: 1, hostPpid: 2, monitorPid: 3, uid: 4, gid: 5 } } } as const

let runs: string
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'berth-runs-'))
})
afterEach(() => rmSync(runs, { recursive: true, force: true }))

test('a directory that exists is not made again: the start was tried', async () => {
  expect(await RunDir.create(runs, record, accepted)).toBeDefined()
  expect(await RunDir.create(runs, record, accepted)).toBeUndefined()
})

test('everything is there after a restart', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await dir?.append(started, 'cached')
  dir?.acknowledge({ seq: 1, stdout: 5n })
  await dir?.writeAcked()
  const again = await RunDir.load(runs, ID)
  expect(again?.record).toEqual(record)
  expect(again?.events.map((one) => [one.seq, one.event?.$case])).toEqual([
    [1, 'accepted'],
    [2, 'started'],
  ])
  expect(again?.find('started')?.hostPid).toBe(1)
  expect(again?.acked).toEqual({ seq: 1, stdout: 5n, stderr: 0n, completeAtMs: 0 })
  expect(await RunDir.list(runs)).toEqual([ID])
})

test('numbers stay dense when events are appended at once', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await Promise.all([dir?.append(started, 'durable'), dir?.append(started, 'cached'), dir?.append(started, 'cached')])
  expect(dir?.events.map((one) => one.seq)).toEqual([1, 2, 3, 4])
})

test('a torn last line is cut off and its number given again', async () => {
  await RunDir.create(runs, record, accepted)
  appendFileSync(join(runs, ID, 'events.jsonl'), '{"processId":"0190')
  const again = await RunDir.load(runs, ID)
  expect((await again?.append(started, 'cached'))?.seq).toBe(2)
  expect((await RunDir.load(runs, ID))?.lastSeq).toBe(2)
})

test('numbers that only the control plane still has are not given again', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  dir?.raiseTo(3)
  expect((await dir?.append(started, 'cached'))?.seq).toBe(4)
})

test('a directory without a readable spec was never started', async () => {
  await RunDir.create(runs, record, accepted)
  writeFileSync(join(runs, ID, 'spec.json'), '')
  expect(await RunDir.load(runs, ID)).toBeUndefined()
})

test('a directory of a newer version is refused with a sentence', async () => {
  await RunDir.create(runs, record, accepted)
  writeFileSync(join(runs, ID, 'spec.json'), JSON.stringify({ version: 2 }))
  await expect(RunDir.load(runs, ID)).rejects.toThrow(/version 2.*knows version 1/)
})

test('acknowledgements may be written by many at once', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      dir?.acknowledge({ stdout: BigInt(index) })
      return dir?.writeAcked()
    }),
  )
  expect((await RunDir.load(runs, ID))?.acked.stdout).toBe(19n)
})
