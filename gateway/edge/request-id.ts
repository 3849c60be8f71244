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

/** No two exchanges in flight share an id. */
export class RequestIds {
  /** Those that callers brought. Ours differ from each other by themselves. */
  readonly #brought = new Set<string>()
  readonly #isOurs: (id: string) => boolean
  readonly #isRecorded: (id: string) => boolean

  /** `isOurs`: whether an exchange in flight has this id, which may be one that we made. */
  constructor(isOurs: (id: string) => boolean, isRecorded: (id: string) => boolean = () => false) {
    this.#isOurs = isOurs
    this.#isRecorded = isRecorded
  }

  /** `wished`: what the caller sent. It is used where it is a UUID that is neither in flight nor recorded. */
  take(wished: string | undefined): string {
    if (wished === undefined || !UUID.test(wished)) return newRequestId()
    const id = wished.toLowerCase()
    // Only a version 7 can be one of ours, sent back by a caller that saw it.
    if (this.#brought.has(id) || this.#isRecorded(id) || (id[14] === '7' && this.#isOurs(id)))
      return newRequestId()
    this.#brought.add(id)
    return id
  }

  give(id: string): void {
    if (this.#brought.size > 0) this.#brought.delete(id)
  }
}
