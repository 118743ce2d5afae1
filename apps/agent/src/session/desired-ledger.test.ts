import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { desiredDigest } from '@berth/protocol/desired-digest.js'
import { DesiredState } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { Intent, ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DesiredLedger } from './desired-ledger.js'

const A = '01900000-0000-7000-8000-00000000000a'
const B = '01900000-0000-7000-8000-00000000000b'
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-ledger-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const spec = (id: string) => ProcessSpec.fromPartial({ processId: id, fence: 1n, intent: Intent.RUN, env: { A: '1' } })
const state = (generation: bigint, ids: string[]) => {
  const processes = ids.map(spec)
  return DesiredState.fromPartial({ generation, processes, digest: desiredDigest(processes) })
}

test('an accepted set is there after a restart', async () => {
  await (await DesiredLedger.open(dir)).accept(state(3n, [A, B]))
  const again = await DesiredLedger.open(dir)
  expect(again.current.generation).toBe(3n)
  expect(again.current.processes).toEqual([spec(A), spec(B)])
})

test('an older generation is refused, also after a restart', async () => {
  await (await DesiredLedger.open(dir)).accept(state(3n, [A]))
  const again = await DesiredLedger.open(dir)
  expect(await again.accept(state(2n, [A, B]))).toEqual({ kind: 'refused', reason: 'older_generation' })
  expect(again.current.processes).toHaveLength(1)
})

test('the same generation with another digest is refused', async () => {
  const ledger = await DesiredLedger.open(dir)
  await ledger.accept(state(3n, [A]))
  expect(await ledger.accept(state(3n, [A, B]))).toEqual({ kind: 'refused', reason: 'other_digest' })
})

test('the same set again is accepted and not written again', async () => {
  const ledger = await DesiredLedger.open(dir)
  await ledger.accept(state(3n, [A]))
  writeFileSync(join(dir, 'ledger.json'), 'untouched')
  expect(await ledger.accept(state(3n, [A]))).toEqual({ kind: 'accepted' })
  expect(readFileSync(join(dir, 'ledger.json'), 'utf8')).toBe('untouched')
})

test('a digest that is not that of the set is refused', async () => {
  const ledger = await DesiredLedger.open(dir)
  const lying = DesiredState.fromPartial({ ...state(1n, [A]), digest: Buffer.alloc(32) })
  expect(await ledger.accept(lying)).toEqual({ kind: 'refused', reason: 'wrong_digest' })
  expect(ledger.current.generation).toBe(0n)
})

test.each([
  ['an id that is a path', [spec('../../etc')]],
  ['the same id twice', [spec(A), spec(A)]],
  ['no fence', [ProcessSpec.fromPartial({ processId: A })]],
])('a set with %s is refused whole', async (_what, processes) => {
  const ledger = await DesiredLedger.open(dir)
  const desired = DesiredState.fromPartial({ generation: 1n, processes, digest: desiredDigest(processes) })
  expect(await ledger.accept(desired)).toEqual({ kind: 'refused', reason: 'invalid_process' })
})

test('a ledger of a newer version stops the agent with a sentence', async () => {
  writeFileSync(join(dir, 'ledger.json'), JSON.stringify({ version: 2, generation: '1', digest: '', processes: [] }))
  await expect(DesiredLedger.open(dir)).rejects.toThrow(/version 2.*knows version 1/)
})

test('a new node’s empty set of generation 0 is what an empty ledger holds', async () => {
  const ledger = await DesiredLedger.open(dir)
  expect(await ledger.accept(state(0n, []))).toEqual({ kind: 'accepted' })
  expect(await ledger.accept(state(0n, [A]))).toEqual({ kind: 'refused', reason: 'other_digest' })
})
