import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pickProcess } from './pick-process.js'

const process = (processId: string, draining = false) => ({ processId, socketPath: `/${processId}`, draining })
interface Facts {
  sticky?: string | undefined
  open?: boolean
  counts?: Record<string, number>
  gone?: string[]
}
const picked = (processes: ReturnType<typeof process>[], over: Facts = {}) => pick(processes, over)?.processId
const pick = (processes: ReturnType<typeof process>[], over: Facts) =>
  pickProcess(
    processes,
    {
      connectionsOf: (id) => over.counts?.[id] ?? 0,
      hasSession: () => over.open ?? false,
      isGone: (id) => over.gone?.includes(id) ?? false,
    },
    over.sticky === undefined ? undefined : { processId: over.sticky, visit: 'v' },
  )

describe('a visit gets', () => {
  test('the process it is on', () => {
    expect(picked([process('a'), process('b')], { sticky: 'b', counts: { b: 50 } })).toBe('b')
  })
  test('the process with the fewest connections when it is on none, or its own is gone', () => {
    const counts = { a: 3, b: 1, c: 2 }
    expect(picked([process('a'), process('b'), process('c')], { counts })).toBe('b')
    expect(picked([process('a'), process('b'), process('c')], { counts, sticky: 'x' })).toBe('b')
    expect(picked([process('a'), process('b'), process('c')], { counts, sticky: 'b', gone: ['b'] })).toBe('c')
  })
  test('no draining process, unless its session is open there', () => {
    const two = [process('a', true), process('b')]
    expect(picked(two, { sticky: 'a', counts: { b: 9 } })).toBe('b')
    expect(picked(two, { sticky: 'a', open: true, counts: { b: 9 } })).toBe('a')
    expect(picked([process('a', true)], {})).toBeUndefined()
    expect(picked([], {})).toBeUndefined()
  })

  test('never one that is draining without a session, or gone, whatever the table', () => {
    const row = fc.record({
      processId: fc.constantFrom('a', 'b', 'c', 'd'),
      draining: fc.boolean(),
      gone: fc.boolean(),
      count: fc.nat(9),
    })
    const rows = fc.uniqueArray(row, { selector: (r) => r.processId })
    fc.assert(
      fc.property(rows, fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }), fc.boolean(), (all, sticky, open) => {
        const gone = all.filter((r) => r.gone).map((r) => r.processId)
        const counts = Object.fromEntries(all.map((r) => [r.processId, r.count]))
        const result = pick(
          all.map((r) => process(r.processId, r.draining)),
          { sticky, open, counts, gone },
        )
        if (result === undefined) {
          expect(all.some((r) => !r.gone && !r.draining)).toBe(false)
          return
        }
        expect(gone).not.toContain(result.processId)
        if (result.draining) expect([result.processId, open]).toEqual([sticky, true])
        else if (result.processId !== sticky) {
          const fewest = Math.min(...all.filter((r) => !r.gone && !r.draining).map((r) => r.count))
          expect(counts[result.processId]).toBe(fewest)
        }
      }),
    )
  })
})
