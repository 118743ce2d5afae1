// Who is this visitor, and may he? The control plane decides; we remember for a little while (decision 18). Owns the cache.
// Promises that a credential's text never leaves this file, and that a changed right is asked anew.
import { hash } from 'node:crypto'
import type { VisitorIdentity } from '@berth/domain/routing/forward-headers.js'
import type { Credential } from '@berth/domain/routing/request-headers.js'
import type { RoutedContent } from '@berth/domain/routing/route-table.js'
import type { AuthorizeVisitResponse, RouteServiceClient } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { Metadata } from '@grpc/grpc-js'
import { isAway } from './control-channel.js'
import {
  AUTHORIZATIONS_IN_FLIGHT_MAX,
  AUTHORIZE_TIMEOUT_MS,
  RECENT_VISITS_MAX,
  VISIT_CACHE_AWAY_MS_MAX,
  VISIT_CACHE_ENTRIES_MAX,
  VISIT_CACHE_MS_MAX,
} from './limits.js'

export type VisitDecision =
  | { readonly kind: 'allow'; readonly visitor: VisitorIdentity | undefined; readonly maySeeLog: boolean }
  | { readonly kind: 'sign_in' | 'bad_credential' | 'forbidden' | 'not_found' }
  /** The control plane is away and we do not know the visitor. */
  | { readonly kind: 'unavailable' }

interface Remembered {
  readonly decision: VisitDecision
  readonly rightsVersion: bigint
  readonly freshUntilMs: number
  readonly awayUntilMs: number
}

interface Recent {
  readonly content: RoutedContent
  readonly bundleId: bigint
  readonly kind: Credential['kind']
  readonly known: Remembered
}

export const ANONYMOUS: VisitDecision = { kind: 'allow', visitor: undefined, maySeeLog: false }
const UNAVAILABLE: VisitDecision = { kind: 'unavailable' }
const SIGN_IN: VisitDecision = { kind: 'sign_in' }

export class VisitAuthority {
  readonly #client: RouteServiceClient
  readonly #remembered = new Map<string, Remembered>()
  /**
   * The last question of a visitor, by the credential itself: requests come in rows, and a digest for each costs more than
   * all the rest of the question. Belongs to one table of routes (the content's identity), so changed rights are asked anew.
   */
  readonly #recent = new Map<string, Recent>()
  readonly #asking = new Map<string, Promise<VisitDecision>>()

  constructor(client: RouteServiceClient) {
    this.#client = client
  }

  /**
   * Answers at once when it can: most requests come from somebody who was here a moment ago.
   *
   * @param bundleId 0 = the active bundle; else a draft, which needs more rights
   */
  authorize(
    content: RoutedContent,
    bundleId: bigint,
    credential: Credential | undefined,
  ): VisitDecision | Promise<VisitDecision> {
    const open = content.accessType === 'all' && bundleId === 0n
    if (credential === undefined) return open ? ANONYMOUS : SIGN_IN
    const secret = credential.kind === 'session' ? credential.session : credential.key
    const recent = this.#recent.get(secret)
    if (recent !== undefined && recent.content === content && recent.bundleId === bundleId && recent.kind === credential.kind) {
      if (Date.now() < recent.known.freshUntilMs) return settle(recent.known.decision, open, credential.kind)
      this.#recent.delete(secret)
    }
    const digest = hash('sha256', secret, 'hex')
    const key = credential.kind + content.visitKey + (bundleId === 0n ? '' : bundleId.toString()) + digest
    const known = this.#remembered.get(key)
    if (known !== undefined && known.rightsVersion === content.rightsVersion && Date.now() < known.freshUntilMs) {
      if (this.#recent.size >= RECENT_VISITS_MAX) this.#recent.clear()
      this.#recent.set(secret, { content, bundleId, kind: credential.kind, known })
      return settle(known.decision, open, credential.kind)
    }
    let asking = this.#asking.get(key)
    if (asking === undefined) {
      if (this.#asking.size >= AUTHORIZATIONS_IN_FLIGHT_MAX) return UNAVAILABLE
      asking = this.#ask(key, content, bundleId, credential.kind, digest).finally(() => this.#asking.delete(key))
      this.#asking.set(key, asking)
    }
    return asking.then((decision) => settle(decision, open, credential.kind))
  }

  async #ask(
    key: string,
    content: RoutedContent,
    bundleId: bigint,
    kind: Credential['kind'],
    digest: string,
  ): Promise<VisitDecision> {
    const value = Buffer.from(digest, 'hex')
    const answer = await new Promise<AuthorizeVisitResponse | 'away' | 'failed'>((resolve) => {
      this.#client.authorizeVisit(
        {
          contentGuid: content.guid,
          bundleId,
          credential: kind === 'session' ? { $case: 'sessionSha256', value } : { $case: 'apiKeySha256', value },
        },
        new Metadata(),
        { deadline: Date.now() + AUTHORIZE_TIMEOUT_MS },
        (error, response) => resolve(error === null ? response : isAway(error) ? 'away' : 'failed'),
      )
    })
    const known = this.#remembered.get(key)
    if (answer === 'away') {
      const stays = known !== undefined && known.rightsVersion === content.rightsVersion && Date.now() < known.awayUntilMs
      return stays ? known.decision : UNAVAILABLE
    }
    this.#remembered.delete(key)
    if (answer === 'failed') return UNAVAILABLE
    const decision = decisionOf(answer)
    this.#remember(key, decision, content.rightsVersion, answer.cacheMs)
    return decision
  }

  #remember(key: string, decision: VisitDecision, rightsVersion: bigint, cacheMs: number): void {
    if (decision.kind === 'unavailable') return
    const freshMs = Math.min(cacheMs, VISIT_CACHE_MS_MAX)
    if (freshMs === 0) return
    if (this.#remembered.size >= VISIT_CACHE_ENTRIES_MAX) {
      const oldest = this.#remembered.keys().next()
      if (oldest.done !== true) this.#remembered.delete(oldest.value)
    }
    const nowMs = Date.now()
    const awayMs = decision.kind === 'allow' ? VISIT_CACHE_AWAY_MS_MAX : freshMs
    this.#remembered.set(key, { decision, rightsVersion, freshUntilMs: nowMs + freshMs, awayUntilMs: nowMs + awayMs })
  }
}

/** Content that is open to all is open to those whose session ended, too; a wrong API key is wrong everywhere (publisher-api 1.2). */
function settle(decision: VisitDecision, open: boolean, kind: Credential['kind']): VisitDecision {
  if (!open || kind !== 'session') return decision
  return decision.kind === 'allow' || decision.kind === 'not_found' ? decision : ANONYMOUS
}

function decisionOf(answer: AuthorizeVisitResponse): VisitDecision {
  switch (answer.decision) {
    case 'allow':
      return {
        kind: 'allow',
        visitor: answer.visitor && { username: answer.visitor.username, groups: answer.visitor.groups },
        maySeeLog: answer.maySeeLog,
      }
    case 'sign_in':
    case 'bad_credential':
    case 'forbidden':
    case 'not_found':
      return { kind: answer.decision }
    default:
      // A word that we do not know opens nothing.
      return { kind: 'forbidden' }
  }
}
