import { parseJoinToken } from '@berth/protocol/join-token.js'
import type { AgentEvents } from '../events.js'
import { CERTIFICATE_CHECK_MS, CERTIFICATE_RENEW_FRACTION } from '../limits.js'
import { pause, reconnectDelayMs } from './backoff.js'
import type { ControlPlaneAddress } from './cluster-https.js'
import { enroll, renew } from './enroll.js'
import { type AgentIdentity, fingerprintOf, forgetIdentity, lifeLeft, loadIdentity, storeIdentity } from './identity.js'

export interface EnrolmentSettings {
  readonly stateDir: string
  readonly address: ControlPlaneAddress
  /** One-time; null once enrolled. */
  readonly joinToken: string | null
}

/** The agent's identity: enrolled when there is none, renewed in time, enrolled anew when the control plane does not know it any more. */
export class IdentityHolder {
  readonly #settings: EnrolmentSettings
  readonly #events: AgentEvents
  #identity: AgentIdentity | undefined
  #tokenUsed = false

  constructor(settings: EnrolmentSettings, events: AgentEvents) {
    this.#settings = settings
    this.#events = events
  }

  get current(): AgentIdentity {
    if (this.#identity === undefined) throw new Error('this host is not enrolled yet')
    return this.#identity
  }

  /** Until there is an identity, or aborted. The control plane may come up later than we do. */
  async ready(signal: AbortSignal): Promise<void> {
    const { stateDir, joinToken } = this.#settings
    this.#identity = await loadIdentity(stateDir)
    if (this.#identity !== undefined && joinToken !== null && isOfAnotherAuthority(this.#identity, joinToken))
      this.#identity = undefined
    for (let attempt = 0; this.#identity === undefined && !signal.aborted; attempt += 1) {
      try {
        await this.#enroll()
      } catch (error) {
        this.#events.failed('this host could not be enrolled; trying again', error)
        await pause(reconnectDelayMs(attempt + 1, Math.random()), signal)
      }
    }
  }

  /** The control plane does not know us. Returns whether we are somebody new now. */
  async renounce(): Promise<boolean> {
    if (this.#settings.joinToken === null || this.#tokenUsed) return false
    try {
      await this.#enroll()
      return true
    } catch (error) {
      this.#events.failed('this host could not be enrolled again', error)
      return false
    }
  }

  /** Looks after the certificate until aborted; renewed() after each new one. */
  async keep(signal: AbortSignal, renewed: () => void): Promise<void> {
    while (!signal.aborted) {
      if (lifeLeft(this.current.certificate, Date.now()) < CERTIFICATE_RENEW_FRACTION) {
        try {
          this.#identity = await renew(this.#settings.address, this.current)
          await storeIdentity(this.#settings.stateDir, this.#identity)
          renewed()
        } catch (error) {
          this.#events.failed('the certificate could not be renewed', error)
        }
      }
      await pause(CERTIFICATE_CHECK_MS, signal)
    }
  }

  async #enroll(): Promise<void> {
    const { stateDir, address, joinToken } = this.#settings
    if (joinToken === null)
      throw new Error('this host has no identity and no join token: set Agent.JoinToken to one from `berth nodes token`')
    const identity = await enroll(address, joinToken)
    this.#tokenUsed = true
    await forgetIdentity(stateDir)
    await storeIdentity(stateDir, identity)
    this.#identity = identity
    this.#events.enrolled(identity.nodeId)
  }
}

function isOfAnotherAuthority(identity: AgentIdentity, joinToken: string): boolean {
  return fingerprintOf(identity.authority) !== parseJoinToken(joinToken).authoritySha256
}
