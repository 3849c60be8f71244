/** Whether a request that failed may be tried at another instance: only where nobody could tell that it was. */
import { isIdempotent } from '../../shared/idempotent.js'
import type { Failure } from './attempt.js'
import type { RequestHead } from './engine.js'

/** How often an exchange moves. */
const MAX_MOVES = 2

/** `moves`: how often it has moved before; its body must be at hand from the first byte on. */
export function mayMove(head: RequestHead, failure: Failure, moves: number): boolean {
  if (moves >= MAX_MOVES || failure.moves === 'none') return false
  return failure.moves === 'any' || isIdempotent(head)
}
