import type { SandboxPlan } from './plan.js'
import type { SandboxFacts, SandboxRefusal, SandboxSpec } from './sandbox-spec.js'

// Owns: the decision what one process's sandbox looks like. Pure: facts in, plan or refusal out.
// Promises: the same spec and facts give the same plan; a plan never names root, and every path in it is absolute and normal.
// Leaves to others: finding facts, making directories and cgroups (the agent), doing it (the launcher).

export type SandboxDecision =
  | { readonly kind: 'plan'; readonly plan: SandboxPlan }
  | { readonly kind: 'refuse'; readonly reason: SandboxRefusal; readonly message: string }

/** Source; decisions 13, 14, 17. */
export function planSandbox(_spec: SandboxSpec, _facts: SandboxFacts): SandboxDecision {
  return { kind: 'refuse', reason: 'bad_value', message: 'not written yet' }
}
