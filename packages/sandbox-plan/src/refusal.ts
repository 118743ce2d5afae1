import type { SandboxRefusal } from './sandbox-spec.js'

/** Why no plan is made, in a sentence for the person who deployed or configured. */
export interface Refused {
  readonly kind: 'refuse'
  readonly reason: SandboxRefusal
  readonly message: string
}

export function refuse(reason: SandboxRefusal, message: string): Refused {
  return { kind: 'refuse', reason, message }
}
