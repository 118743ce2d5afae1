import { expect, test } from 'vitest'
import { applyObservation } from './process-state.js'

test('an event with a hole before it asks for the missing ones', () => {
  expect(applyObservation({ phase: 'starting', lastSeq: 2 }, { seq: 4, observation: 'ready' })).toEqual({
    kind: 'gap',
    resendAfter: 2,
  })
})
