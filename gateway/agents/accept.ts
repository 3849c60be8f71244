/** Where agents come in: may this link open? What is refused is refused before the upgrade, with a problem. */

import { v7 as newLinkId } from 'uuid'
import { CloseCode } from '../../shared/close-codes.js'
import { Problem } from '../../shared/errors.js'
import { MAX_STREAM_ID, PROTOCOL } from '../../shared/limits.js'
import { ownText } from '../../shared/own-text.js'
import type { Principal } from '../access/principal.js'
import type { Upgrade } from '../edge/engine.js'
import { type LinkClaim, parseClaim } from './claim.js'
import { Link } from './link.js'
import type { LinkSettings } from './link-owner.js'
import type { Registry } from './registry.js'

/** What a link was allowed by. */
export interface LinkRight {
  /** It still is: asked for each stream. */
  holds(): boolean
  /** The link has ended. */
  release(): void
}

export interface LinkAuthority {
  /** `ended` is called where the credential ends before the link. @throws Problem where the link may not open. */
  admit(node: Principal, claim: LinkClaim, ended: () => void): LinkRight
}

export class Acceptor {
  readonly #registry: Registry
  readonly #authority: LinkAuthority
  readonly #settings: LinkSettings
  #draining: number | undefined
  /** What the last link was given. */
  #given: LinkSettings | undefined

  constructor(registry: Registry, authority: LinkAuthority, settings: LinkSettings) {
    this.#registry = registry
    this.#authority = authority
    this.#settings = settings
  }

  /** New links are refused from now on, with the advice (seconds) when to come again. */
  drain(retryAfter: number): void {
    this.#draining = retryAfter
  }

  /** `node`: who opens it. @throws Problem where the link may not open. */
  accept(upgrade: Upgrade, node: Principal): void {
    if (this.#draining !== undefined) {
      throw new Problem('draining', 'the gateway is shutting down', { retryAfter: this.#draining })
    }
    const claim = parseClaim(upgrade.caller.head)
    const right = this.#authority.admit(node, claim, () =>
      link.end(CloseCode.credentialEnded, 'the credential has ended'),
    )
    const link = this.#open(claim, right)
    const socket = upgrade.accept(PROTOCOL, [], link.wire)
    if (socket !== undefined) link.wire.attach(socket)
    else link.wire.close(1006, '')
  }

  /**
   * A link keeps what it was opened with, for the agent is told of it: a copy, and the same one for all links that were
   * opened with the same. No limit is none to the wire: it knows no 0.
   */
  #current(): LinkSettings {
    const next = { ...this.#settings, maxStreams: this.#settings.maxStreams || MAX_STREAM_ID }
    const given = this.#given
    if (given !== undefined && keysOf(next).every((key) => next[key] === given[key])) return given
    this.#given = next
    return next
  }

  #open(claim: LinkClaim, right: LinkRight): Link {
    try {
      this.#registry.claimName(claim)
      return new Link(ownText(newLinkId()), claim, this.#current(), { owner: this.#registry, right })
    } catch (error) {
      right.release()
      throw error
    }
  }
}

const keysOf = Object.keys as (settings: LinkSettings) => (keyof LinkSettings)[]
