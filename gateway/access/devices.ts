/** Pairing: a device asks for a code, an operator approves it, the device claims its credential with it. */
import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto'
import { Problem } from '../../shared/errors.js'
import type { Grant } from './grant.js'
import { secretHash } from './tokens.js'

/** Letters and digits that are not taken for one another; 32, so that five random bits are one. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const CODE_LENGTH = 8
const LASTS_MS = 10 * 60_000
const MOST_PENDING = 32
const MOST_PENDING_OF_ADDRESS = 8

/** Seconds after which a device asks again whether it was approved. */
const CLAIM_AGAIN = 2

type State = { readonly kind: 'pending' } | { readonly kind: 'approved'; readonly grant: Grant }

interface Pairing {
  readonly name: string
  readonly publicKey: KeyObject | undefined
  readonly address: string
  /** ms since the epoch. */
  readonly expiresAt: number
  state: State
}

export class Pairings {
  readonly #now: () => number
  /** By the hash of the code, oldest first. Those that are approved lie here for minutes, and an operator made each. */
  readonly #pairings = new Map<string, Pairing>()

  /** `now`: ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * `publicKey`: Ed25519, SPKI in base64; the claim then has to be signed with it.
   * @throws Problem `bad_request`, or `rate_limited` where too many wait for an operator.
   */
  begin(name: string, publicKey: string | undefined, address: string): { code: string; expiresAt: number } {
    const key = publicKey === undefined ? undefined : publicKeyOf(publicKey)
    this.#sweep()
    const pending = [...this.#pairings.values()].filter(({ state }) => state.kind === 'pending')
    const own = pending.filter((pairing) => pairing.address === address)
    const full = own.length >= MOST_PENDING_OF_ADDRESS ? own : pending.length >= MOST_PENDING ? pending : []
    if (full.length > 0) {
      throw new Problem('rate_limited', `${full.length} pairings wait for approval already`, {
        retryAfter: (full[0]!.expiresAt - this.#now()) / 1000,
      })
    }
    const code = [...randomBytes(CODE_LENGTH)].map((byte) => ALPHABET[byte & 31]).join('')
    const expiresAt = this.#now() + LASTS_MS
    this.#pairings.set(secretHash(code), {
      name,
      publicKey: key,
      address,
      expiresAt,
      state: { kind: 'pending' },
    })
    return { code, expiresAt }
  }

  /** @returns the device's name. @throws Problem `not_found`, or `conflict` where it is approved already. */
  approve(code: string, grant: Grant): string {
    const [, pairing] = this.#find(code)
    if (pairing.state.kind === 'approved') throw new Problem('conflict', 'this pairing is approved already')
    pairing.state = { kind: 'approved', grant }
    return pairing.name
  }

  /** Nothing is known of the code any more. @returns the device's name. @throws Problem `not_found`. */
  reject(code: string): string {
    const [key, pairing] = this.#find(code)
    this.#pairings.delete(key)
    return pairing.name
  }

  /**
   * What `issue` makes of an approved pairing, once. `signature`: of the code, in base64.
   * @throws Problem `not_found`, `conflict` until it is approved, `unauthorized` for a signature that is not right.
   */
  claim<T>(code: string, signature: string | undefined, issue: (name: string, grant: Grant) => T): T {
    const [key, { name, publicKey, state }] = this.#find(code)
    if (state.kind === 'pending')
      throw new Problem('conflict', 'this pairing waits for approval', { retryAfter: CLAIM_AGAIN })
    if (publicKey !== undefined && !isSigned(normalised(code), signature, publicKey))
      throw new Problem(
        'unauthorized',
        "the claim is not signed with the device's key: signature, over the code",
      )
    const issued = issue(name, state.grant)
    this.#pairings.delete(key)
    return issued
  }

  #find(code: string): [key: string, pairing: Pairing] {
    const key = secretHash(normalised(code))
    const pairing = this.#pairings.get(key)
    if (pairing !== undefined && pairing.expiresAt > this.#now()) return [key, pairing]
    throw new Problem('not_found', 'this pairing code is unknown or has expired')
  }

  #sweep(): void {
    for (const [key, { expiresAt }] of this.#pairings)
      if (expiresAt <= this.#now()) this.#pairings.delete(key)
  }
}

/** As people read it out and type it. */
const normalised = (code: string): string => code.toUpperCase().replace(/[\s-]/g, '')

function publicKeyOf(base64: string): KeyObject {
  const refuse = (rule: string): never => {
    throw new Problem('bad_request', `public_key ${rule}; it takes an Ed25519 key, SPKI in base64`)
  }
  if (base64.length > 256 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return refuse('is not base64')
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' ? key : refuse('is of another kind')
  } catch (error) {
    if (error instanceof Problem) throw error
    return refuse('is no public key')
  }
}

function isSigned(code: string, signature: string | undefined, key: KeyObject): boolean {
  if (signature === undefined) return false
  return verify(null, Buffer.from(code), key, Buffer.from(signature, 'base64'))
}
