/** What the edge asks before it serves anything: may this caller do this? `access/gatekeeper.ts` answers. */
import { EVERYBODY, type Principal } from '../access/principal.js'
import type { RequestHead } from './engine.js'
import type { Reply } from './reply.js'
import type { Route } from './routes.js'

/** What a caller was allowed. */
export interface Grant {
  readonly kind: 'grant'
  /** Undefined: it came without a credential to what is open. */
  readonly principal: Principal | undefined
  /** The request field that held the credential: it is not sent on. */
  readonly spent: string | undefined
  /** Fields that every answer to this request carries. */
  readonly headers: readonly string[]
  /** The answer is the application's, under the gateway's own origin: what browsers may do with it is narrowed. */
  readonly sandboxed: boolean
}

/** The gate answers by itself, as it does a preflight. */
export interface Answered {
  readonly kind: 'answered'
  readonly reply: Reply
}

export interface Gate {
  /** At once where it can. Throws or rejects with a `Problem` where the caller may not. */
  pass(head: RequestHead, route: Route): Grant | Answered | Promise<Grant | Answered>
}

/** `--auth none`, and nothing to guard. */
export const OPEN: Grant = Object.freeze({
  kind: 'grant',
  principal: EVERYBODY,
  spent: undefined,
  headers: [],
  sandboxed: false,
})
