/** What the edge asks before it serves anything: may this caller do this? `access/gatekeeper.ts` answers. */
import type { Principal } from '../access/principal.js'
import type { Guest } from '../guard/guest.js'
import type { RequestHead } from './engine.js'
import type { Reply } from './reply.js'
import type { Route } from './routes.js'

/** What a caller was allowed. */
export interface Admission {
  readonly kind: 'admitted'
  /** Undefined: it came without a credential to what is open. */
  readonly principal: Principal | undefined
  /** The request field that held the credential: it is not sent on. */
  readonly spent: string | undefined
  /** Fields that every answer to this request carries. */
  readonly headers: readonly string[]
  /**
   * The answer is the application's, under the gateway's own origin: it loses what reaches beyond it, and a document
   * gets an origin of its own.
   */
  readonly sandboxed: 'no' | 'fields' | 'document'
  /** Where no credential brought the caller in. */
  readonly guest: Guest | undefined
}

/** The gate answers by itself, as it does a preflight. */
export interface Answered {
  readonly kind: 'answered'
  readonly reply: Reply
}

/** At once where it can. Throws or rejects with a `Problem` where the caller may not. */
export type Pass = (head: RequestHead, route: Route) => Admission | Answered | Promise<Admission | Answered>

export interface Gate {
  pass: Pass
  /** The credential behind it is still good: asked again and again while an exchange lasts. */
  alive(admission: Admission): boolean
}
