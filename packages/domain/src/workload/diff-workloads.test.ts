import { expect, test } from 'vitest'
import type { ProcessId } from '../ids.js'
import { diffWorkloads, type KnownWorkload, NOT_WANTED, type WantedWorkload } from './diff-workloads.js'

const id = (name: string) => name as ProcessId
const want = (name: string, intent: WantedWorkload['intent'] = 'run'): WantedWorkload => ({
  id: id(name),
  intent,
  stopReason: intent === 'stop' ? 'idle' : '',
})
const know = (name: string, state: KnownWorkload['state'] = 'live', stopping = false): KnownWorkload => ({
  id: id(name),
  state,
  stopping,
})
const nothing = { start: [], skip: [], stop: [] }

test.each<[string, WantedWorkload[], KnownWorkload[], object]>([
  ['nothing wanted, nothing known', [], [], nothing],
  ['a new process starts', [want('a')], [], { ...nothing, start: ['a'] }],
  ['a process that lives is left alone', [want('a')], [know('a')], nothing],
  ['a draining process runs on', [want('a', 'drain')], [know('a')], nothing],
  ['a draining process that was never tried starts', [want('a', 'drain')], [], { ...nothing, start: ['a'] }],
  ['a process that is over never starts again', [want('a')], [know('a', 'over')], nothing],
  ['stop ends a living process', [want('a', 'stop')], [know('a')], { ...nothing, stop: [{ id: 'a', reason: 'idle' }] }],
  ['stop is not said twice', [want('a', 'stop')], [know('a', 'live', true)], nothing],
  ['stop of one that is over does nothing', [want('a', 'stop')], [know('a', 'over')], nothing],
  ['stop before the start is only recorded', [want('a', 'stop')], [], { ...nothing, skip: [{ id: 'a', reason: 'idle' }] }],
  ['what is not in the set ends', [], [know('a')], { ...nothing, stop: [{ id: 'a', reason: NOT_WANTED }] }],
  ['the record of one that is over may stay', [], [know('a', 'over')], nothing],
  ['the same id twice starts once', [want('a'), want('a')], [], { ...nothing, start: ['a'] }],
])('%s', (_fact, wanted, known, expected) => {
  expect(diffWorkloads(wanted, known)).toEqual(expected)
})

test('after applying the difference there is none', () => {
  const wanted = [want('a'), want('b', 'stop'), want('c', 'drain'), want('e', 'stop')]
  const known = [know('b'), know('d')]
  const diff = diffWorkloads(wanted, known)
  const after = [
    ...known.map((one) => (diff.stop.some((stop) => stop.id === one.id) ? { ...one, stopping: true } : one)),
    ...diff.start.map((name) => know(name)),
    ...diff.skip.map((one) => know(one.id, 'over')),
  ]
  expect(diffWorkloads(wanted, after)).toEqual(nothing)
})
