/** `gw-request-id`: the caller's own where it may be, else a new UUIDv7. */
import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** One call for many ids: `uuid.v7()` with its own random bytes costs four times as much. */
const pool = Buffer.allocUnsafeSlow(16 * 256)
let used = pool.length

export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, (used += 16))
  return v7({ random })
}

/** Ids of the exchanges in flight: no two may share one. */
export class RequestIds {
  readonly #inFlight = new Set<string>()

  /** `wished`: what the caller sent. It is used where it is a UUID that is not in flight. */
  take(wished: string | undefined): string {
    const usable = wished !== undefined && UUID.test(wished) && !this.#inFlight.has(wished.toLowerCase())
    const id = usable ? wished.toLowerCase() : newRequestId()
    this.#inFlight.add(id)
    return id
  }

  give(id: string): void {
    this.#inFlight.delete(id)
  }
}
