/** A request between its arrival and its being served: held while it is found out who asks. */
import { type Caller, NO_EVENTS } from './engine.js'

/**
 * Calls `known` with the verdict: now where it is known, so that nothing is held that need not be; else later, with
 * the request's body kept back until then. `left` is called instead where the caller did not wait for it.
 */
export function whenKnown<T>(
  caller: Caller,
  verdict: T | Promise<T>,
  { known, refuse, left }: { known(verdict: T): void; refuse(error: unknown): void; left(): void },
): void {
  if (!(verdict instanceof Promise)) {
    known(verdict)
    return
  }
  let gone = false
  caller.events = {
    ...NO_EVENTS,
    aborted() {
      gone = true
    },
  }
  caller.pause()
  verdict
    .then((settled) => {
      if (gone) left()
      else {
        known(settled)
        caller.resume()
      }
    })
    .catch((error: unknown) => (gone ? left() : refuse(error)))
}
