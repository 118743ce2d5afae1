import { randomBytes } from 'node:crypto'

const VALID = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
// Ids have to be unique, not secret: one random half per process and a counter cost nothing per request.
const ORIGIN = randomBytes(8).toString('hex')
let count = 0

/** W3C trace context for what follows from a request: the visitor's own when it is valid, else a new one. */
export function traceParentOf(received: string | undefined): string {
  if (received !== undefined && VALID.test(received)) return received
  count += 1
  const half = count.toString(16).padStart(16, '0')
  return `00-${ORIGIN}${half}-${half}-00`
}

const VISIT_ORIGIN = BigInt(`0x${randomBytes(5).toString('hex')}`)
  .toString(36)
  .padStart(8, '0')
let visits = 0

/** Names a visitor's stay in the sticky cookie. */
export function newVisit(): string {
  visits += 1
  return `${VISIT_ORIGIN}${visits.toString(36)}`
}
