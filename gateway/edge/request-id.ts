/** `gw-request-id`: the caller's own where it may be, else a new UUIDv7. */
import { randomBytes } from 'node:crypto'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** One call for the random parts of many ids, as the digits that they become: `uuid.v7()` costs ten times as much. */
const POOLED = 256
const RANDOM_BYTES = 10
let digits = ''
let used = 0
/** The last millisecond, and its digits with the version. */
let time = -1
let stamp = ''

/** A UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, the version, 12 random bits, the variant, 62 random bits. */
export function newRequestId(): string {
  if (used === digits.length) refill()
  const now = Date.now()
  if (now !== time) {
    time = now
    const hex = now.toString(16).padStart(12, '0')
    stamp = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
  }
  const at = used
  used += 2 * RANDOM_BYTES
  return `${stamp}${digits.slice(at + 1, at + 4)}-${digits.slice(at + 4, at + 8)}-${digits.slice(at + 8, used)}`
}

function refill(): void {
  const random = randomBytes(POOLED * RANDOM_BYTES)
  for (let at = 2; at < random.length; at += RANDOM_BYTES) random[at] = 0x80 | (random[at]! & 0x3f)
  digits = random.toString('hex')
  used = 0
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
