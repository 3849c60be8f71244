/** Whether a link may open, and how long: with the credential behind it. */
import type { LinkAuthority, LinkRight } from '../agents/accept.js'
import type { LinkClaim } from '../agents/claim.js'
import type { LinkCount } from '../guard/link-count.js'
import { nodeMayClaim } from './authority.js'
import type { Endings } from './endings.js'
import { EVERYBODY, type Principal } from './principal.js'

export class NodeAuthority implements LinkAuthority {
  readonly #endings: Endings
  readonly #count: LinkCount

  constructor(endings: Endings, count: LinkCount) {
    this.#endings = endings
    this.#count = count
  }

  /** @throws Problem `forbidden`, `rate_limited`. */
  admit(principal: Principal, claim: LinkClaim, ended: () => void): LinkRight {
    const { tunnel, name, guard } = claim
    nodeMayClaim(principal, { tunnelId: tunnel.id, name, public: guard !== undefined })
    if (principal === EVERYBODY) return EVERYBODYS
    const leave = this.#count.open(principal.id)
    const unwatch = this.#endings.watch(principal, ended)
    return {
      holds: () => this.#endings.alive(principal),
      release() {
        leave()
        unwatch()
      },
    }
  }
}

const EVERYBODYS: LinkRight = { holds: () => true, release() {} }
