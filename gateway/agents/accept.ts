/** Where agents come in: may this link open? What is refused is refused before the upgrade, with a problem. */
import { Problem } from '../../shared/errors.js'
import { MAX_STREAM_ID, PROTOCOL } from '../../shared/limits.js'
import type { Principal } from '../access/principal.js'
import type { Upgrade } from '../edge/engine.js'
import { newRequestId } from '../edge/request-id.js'
import { parseClaim } from './claim.js'
import { Link } from './link.js'
import type { LinkSettings } from './link-owner.js'
import type { Registry } from './registry.js'

export class Acceptor {
  readonly #registry: Registry
  readonly #settings: LinkSettings
  #draining: number | undefined

  constructor(registry: Registry, settings: LinkSettings) {
    this.#registry = registry
    // No limit is none to the wire too: it knows no 0.
    this.#settings = { ...settings, maxStreams: settings.maxStreams || MAX_STREAM_ID }
  }

  /** New links are refused from now on, with the advice (seconds) when to come again. */
  drain(retryAfter: number): void {
    this.#draining = retryAfter
  }

  /** `node`: who opens it. @throws Problem where the link may not open. */
  accept(upgrade: Upgrade, _node: Principal | undefined): void {
    if (this.#draining !== undefined) {
      throw new Problem('draining', 'the gateway is shutting down', { retryAfter: this.#draining })
    }
    const claim = parseClaim(upgrade.caller.head)
    this.#registry.claimName(claim)
    const link = new Link(newRequestId(), claim, this.#settings, this.#registry)
    const socket = upgrade.accept(PROTOCOL, [], link.wire)
    if (socket !== undefined) link.wire.attach(socket)
    else link.wire.close(1006, '')
  }
}
