import { planMasks } from './plan-masks.js'
import { isNormalPath, isWithin } from './sandbox-paths.js'
import type { SandboxFacts, SandboxSpec } from './sandbox-spec.js'

export type HomeDecision =
  /** /home is not touched. */
  | { readonly kind: 'untouched'; readonly home: string }
  /** The account's home covers /home. */
  | { readonly kind: 'bound'; readonly from: string; readonly home: '/home' }
  /** An empty directory covers /home: the account has no home that may be shown. */
  | { readonly kind: 'empty'; readonly home: '/home' }

/** Source. HOME is always set. */
export function planHome(spec: SandboxSpec, facts: SandboxFacts): HomeDecision {
  const { home } = spec.user
  if (!spec.homeMounting) return { kind: 'untouched', home: isNormalPath(home) ? home : '/' }
  return facts.homeExists && mayBeShown(home, facts)
    ? { kind: 'bound', from: home, home: '/home' }
    : { kind: 'empty', home: '/home' }
}

/** A home that lies in or around what is masked would show it; `/` is everything. */
function mayBeShown(home: string, facts: SandboxFacts): boolean {
  if (!isNormalPath(home) || home === '/') return false
  return !planMasks(facts).some((mask) => isWithin(home, mask.path) || isWithin(mask.path, home))
}
