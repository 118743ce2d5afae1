import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  applyObservation,
  isLive,
  NEXT_PHASES,
  type Observation,
  type ProcessPhase,
  type ProcessRecord,
} from './process-state.js'

const PHASES = Object.keys(NEXT_PHASES) as ProcessPhase[]
const OBSERVATIONS = [
  'accepted',
  'refused',
  'started',
  'ready',
  'exited',
  'finalized',
  'lost',
] as const satisfies readonly Observation[]
const SAYS = {
  accepted: 'preparing',
  refused: 'refused',
  started: 'starting',
  ready: 'ready',
  exited: 'exited',
  lost: 'lost',
} as const

test('an event with a hole before it asks for the missing ones', () => {
  expect(applyObservation({ phase: 'starting', lastSeq: 2 }, { seq: 4, observation: 'ready' })).toEqual({
    kind: 'gap',
    resendAfter: 2,
  })
})

test('an event that came before changes nothing', () => {
  for (const seq of [1, 2]) {
    expect(applyObservation({ phase: 'starting', lastSeq: 2 }, { seq, observation: 'exited' })).toEqual({
      kind: 'ignored',
      why: 'duplicate',
    })
  }
})

test('every phase is reachable, and every phase that is not an end can come to one', () => {
  const reachable = new Set<ProcessPhase>(['assigned'])
  for (const phase of reachable) for (const next of NEXT_PHASES[phase]) reachable.add(next)
  expect([...reachable].sort()).toEqual([...PHASES].sort())
  for (const phase of PHASES) {
    const next: readonly ProcessPhase[] = NEXT_PHASES[phase]
    expect(isLive(phase) ? next.includes('exited') : next.length === 0).toBe(true)
  }
})

test('every pair of phase and event either moves as the table says or is impossible, counted and harmless', () => {
  for (const phase of PHASES) {
    for (const observation of OBSERVATIONS) {
      const applied = applyObservation({ phase, lastSeq: 0 }, { seq: 1, observation })
      const to: ProcessPhase = observation === 'finalized' ? phase : SAYS[observation]
      const allowed = to === phase || (NEXT_PHASES[phase] as readonly ProcessPhase[]).includes(to)
      expect(applied).toMatchObject(
        allowed ? { kind: 'changed', next: { phase: to, lastSeq: 1 } } : { kind: 'impossible', next: { phase, lastSeq: 1 } },
      )
    }
  }
})

test('I2 whatever is sent twice, shuffled or left out and sent again, the result is that of the sequence sent once', () => {
  const sequence = fc
    .array(fc.constantFrom(...OBSERVATIONS), { maxLength: 8 })
    .map((all) => all.map((observation, index) => ({ seq: index + 1, observation })))
  const run = (events: readonly { seq: number; observation: Observation }[]): ProcessRecord =>
    events.reduce<ProcessRecord>(
      (record, event) => {
        const applied = applyObservation(record, event)
        return applied.kind === 'changed' || applied.kind === 'impossible' ? applied.next : record
      },
      { phase: 'assigned', lastSeq: 0 },
    )
  fc.assert(
    fc.property(
      sequence.chain((events) =>
        fc.tuple(
          fc.constant(events),
          fc.array(fc.constantFrom(...(events.length === 0 ? [{ seq: 1, observation: 'accepted' as const }] : events)), {
            maxLength: 20,
          }),
        ),
      ),
      ([events, noise]) => {
        // Noise first; then, as after "send again from", the whole sequence.
        const noisy = noise.filter((event) => events.includes(event))
        expect(run([...noisy, ...events])).toEqual(run(events))
      },
    ),
  )
})
