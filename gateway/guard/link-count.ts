/** How many links a node's credential has open. */
import { Problem } from '../../shared/errors.js'

/** Seconds. A fleet that was refused comes again; it need not at once. */
const RETRY_AFTER = 5

export class LinkCount {
  /** Links that were refused so far. */
  refused = 0
  readonly #settings: { readonly maxLinks: number }
  readonly #links = new Map<string, number>()

  /** `maxLinks` of a credential, 0: no limit; read at each link, for it may change. */
  constructor(settings: { readonly maxLinks: number }) {
    this.#settings = settings
  }

  /**
   * One more link of that principal.
   * @returns what is to be called when it ends; a second call does nothing.
   * @throws Problem `rate_limited`.
   */
  open(principalId: string): () => void {
    const { maxLinks } = this.#settings
    if (maxLinks === 0) return NOTHING
    const count = this.#links.get(principalId) ?? 0
    if (count >= maxLinks) {
      this.refused++
      throw new Problem('rate_limited', `${maxLinks} links are open with this credential already`, {
        retryAfter: RETRY_AFTER,
      })
    }
    this.#links.set(principalId, count + 1)
    let open = true
    return () => {
      if (!open) return
      open = false
      const left = this.#links.get(principalId)! - 1
      if (left === 0) this.#links.delete(principalId)
      else this.#links.set(principalId, left)
    }
  }
}

const NOTHING = (): void => {}
