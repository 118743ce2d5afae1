export type RangeDecision =
  | { readonly kind: 'whole' }
  /** First and last byte, both included. */
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: RangeDecision = { kind: 'whole' }

/** RFC 9110 14: one range of bytes. Several at once, and what is no range of bytes, are answered with the whole. */
export function decideRange(header: string | undefined, size: number): RangeDecision {
  if (header === undefined) return WHOLE
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header.trim())
  if (match === null) return WHOLE
  const from = match[1] as string
  const to = match[2] as string
  if (from === '' && to === '') return WHOLE
  if (from === '') {
    const suffix = Number(to)
    if (suffix === 0 || size === 0) return { kind: 'unsatisfiable' }
    return { kind: 'part', first: Math.max(0, size - suffix), last: size - 1 }
  }
  const first = Number(from)
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && Number(to) < first) return WHOLE
  if (first >= size) return { kind: 'unsatisfiable' }
  return { kind: 'part', first, last }
}
