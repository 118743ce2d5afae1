import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Exited } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RunDir } from './run-dir.js'

const ID = '01900000-0000-7000-8000-00000000000a'
const BOOT = 'boot'
const record = {
  spec: ProcessSpec.fromPartial({ processId: ID, fence: 9n, runAs: 'someone' }),
  bootId: BOOT,
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
  const again = await RunDir.load(runs, ID, BOOT)
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
  const again = await RunDir.load(runs, ID, BOOT)
  expect((await again?.append(started, 'cached'))?.seq).toBe(2)
  expect((await RunDir.load(runs, ID, BOOT))?.lastSeq).toBe(2)
})

test('numbers that only the control plane still has are not given again', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await dir?.raiseTo(3)
  expect((await dir?.append(started, 'cached'))?.seq).toBe(4)
})

const ended = (dir: RunDir | undefined) =>
  dir?.append(
    { event: { $case: 'exited', value: Exited.fromPartial({ code: 137, reason: 'reboot' }) }, inferred: true },
    'durable',
  )

test('I2 an end that was found after a crash of the host does not take a number that the control plane has', async () => {
  await RunDir.create(runs, record, accepted)
  // 2 and 3 were sent and stored; the crash took them from the disk before they were on it.
  const dir = await RunDir.load(runs, ID, 'the next boot')
  const appending = ended(dir)
  await dir?.raiseTo(3)
  expect((await appending)?.seq).toBe(2)
  expect(dir?.events.map((event) => event.seq)).toEqual([1, 4])
  expect(dir?.acked.seq).toBe(3)
  expect((await dir?.append(started, 'cached'))?.seq).toBe(5)
  const again = await RunDir.load(runs, ID, 'the next boot')
  expect(again?.events.map((event) => event.seq)).toEqual([1, 4, 5])
})

test('an end that was acknowledged keeps its number, and so does one of this boot', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await ended(dir)
  await dir?.raiseTo(2)
  const later = await RunDir.load(runs, ID, 'the next boot')
  later?.acknowledge({ seq: 2 })
  await later?.raiseTo(2)
  expect(later?.events.map((event) => event.seq)).toEqual([1, 2])
})

test('a directory without a readable spec was never started', async () => {
  await RunDir.create(runs, record, accepted)
  writeFileSync(join(runs, ID, 'spec.json'), '')
  expect(await RunDir.load(runs, ID, BOOT)).toBeUndefined()
})

test('a directory of a newer version is refused with a sentence', async () => {
  await RunDir.create(runs, record, accepted)
  writeFileSync(join(runs, ID, 'spec.json'), JSON.stringify({ version: 2 }))
  await expect(RunDir.load(runs, ID, BOOT)).rejects.toThrow(/version 2.*knows version 1/)
})

test('acknowledgements may be written by many at once', async () => {
  const dir = await RunDir.create(runs, record, accepted)
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      dir?.acknowledge({ stdout: BigInt(index) })
      return dir?.writeAcked()
    }),
  )
  expect((await RunDir.load(runs, ID, BOOT))?.acked.stdout).toBe(19n)
})
