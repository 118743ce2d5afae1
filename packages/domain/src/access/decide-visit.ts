import type { Actor } from './actor.js'
import { authorize, type ContentAccess } from './authorize.js'

/** Who knocks at /content/…: nobody in particular, a known user, or somebody whose credential is worth nothing. */
export type Visitor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly actor: Actor }
  | { readonly kind: 'bad_key' }

export type VisitDecision = 'allow' | 'sign_in' | 'bad_credential' | 'forbidden' | 'not_found'

/**
 * May the visitor open the content? access: undefined = there is no such content. draft: a bundle that is not active.
 * A bad API key is refused even where nobody needs one (publisher-api 1.2); an expired session counts as none.
 */
export function decideVisit(
  visitor: Visitor,
  access: ContentAccess | undefined,
  options: { readonly draft: boolean },
): VisitDecision {
  if (visitor.kind === 'bad_key') return 'bad_credential'
  if (access === undefined) return visitor.kind === 'anonymous' ? 'sign_in' : 'not_found'
  if (visitor.kind === 'anonymous') return access.accessType === 'all' && !options.draft ? 'allow' : 'sign_in'
  return authorize(visitor.actor, access, options.draft ? 'visit_draft' : 'visit') ? 'allow' : 'forbidden'
}
