/** JSON Web Tokens of another issuer; the one door to jose. */
import type { KeyObject } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { Problem } from '../../shared/errors.js'
import { parsePatterns } from '../agents/tunnel-patterns.js'
import { Checks } from './checks.js'
import { isScope } from './grant.js'
import { ASYMMETRIC, type JwtKey } from './jwt-key.js'
import type { Principal } from './principal.js'

export interface JwtSettings {
  readonly keys: { readonly kind: 'jwks'; readonly url: URL } | { readonly kind: 'key'; readonly key: JwtKey }
  readonly issuer: string | undefined
  /** Any of them; empty: not checked. */
  readonly audience: readonly string[]
}

/** A JWT that is not taken, and why, as far as its bearer may know. */
export interface JwtRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

const TOLERANCE_S = 30

/** Of the pool of threads that signatures are checked in; a check takes well under a millisecond. */
const BOUNDS = { atOnce: 16, waiting: 512 }

/** JWTs that are known to be good; about 1 KiB each. */
const MOST_REMEMBERED = 4096

export class JwtVerifier {
  readonly #settings: JwtSettings
  readonly #now: () => number
  readonly #find: JWTVerifyGetKey | KeyObject
  readonly #algorithms: readonly string[]
  readonly #known = new LRUCache<string, Principal>({ max: MOST_REMEMBERED })
  readonly #checks = new Checks<Principal | JwtRefusal>(BOUNDS)

  /** `now`: ms since the epoch. */
  constructor(settings: JwtSettings, now: () => number) {
    const { keys } = settings
    this.#settings = settings
    this.#now = now
    this.#find = keys.kind === 'key' ? keys.key.key : createRemoteJWKSet(keys.url)
    this.#algorithms = keys.kind === 'key' ? keys.key.algorithms : ASYMMETRIC
  }

  /** Whose JWT has this hash, if it was found good and has not expired. */
  known(hash: string): Principal | undefined {
    const principal = this.#known.get(hash)
    if (principal === undefined || principal.expiresAt! > this.#now()) return principal
    this.#known.delete(hash)
    return undefined
  }

  /**
   * `before` is called when the check begins, and its throw is a refusal. Rejects with Problem `overloaded` where too
   * many wait or the issuer's keys cannot be had.
   */
  verify(token: string, hash: string, asker: string, before: () => void): Promise<Principal | JwtRefusal> {
    return this.#checks.run(`${asker} ${hash}`, async () => {
      before()
      try {
        const principal = principalOf(await this.#payload(token), this.#now())
        this.#known.set(hash, principal)
        return principal
      } catch (error) {
        return refusalOf(error)
      }
    })
  }

  async #payload(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.#settings
    const options = {
      algorithms: [...this.#algorithms],
      requiredClaims: ['exp'],
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(this.#now()),
      ...(issuer !== undefined && { issuer }),
      ...(audience.length > 0 && { audience: [...audience] }),
    }
    const find = this.#find
    if (typeof find !== 'function') return (await jwtVerify(token, find, options)).payload
    try {
      return (await jwtVerify(token, find, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      // The JWT names no key and several would do.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, options)).payload
        } catch (other) {
          if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other
        }
      }
      throw new errors.JWSSignatureVerificationFailed()
    }
  }
}

/** @throws Problem `bad_request` for patterns that are none. */
function principalOf({ iss, sub, exp, scope, tunnels, ...rest }: JWTPayload, now: number): Principal {
  const words = typeof scope === 'string' ? scope.split(' ') : []
  const scopes = words.filter(isScope)
  const patterns = tunnels === undefined ? undefined : parsePatterns(listOf(tunnels))
  const end = exp! * 1000
  return Object.freeze({
    id: `jwt:${part(iss)}|${part(sub)}`,
    scopes: scopes.length === 0 ? undefined : new Set(scopes),
    node: words.includes('node') ? { patterns: patterns ?? [], public: rest.public === true } : undefined,
    tunnels: patterns,
    // One that comes late, by clocks that differ, lasts for as long as they may.
    expiresAt: end > now ? end : end + TOLERANCE_S * 1000,
  })
}

/** No issuer or subject may look like another pair of them. */
const part = (claim: string | undefined): string =>
  (claim ?? '').replaceAll('%', '%25').replaceAll('|', '%7C')

function listOf(tunnels: unknown): string[] {
  if (typeof tunnels === 'string') return tunnels.split(/[\s,]+/).filter(Boolean)
  if (Array.isArray(tunnels) && tunnels.every((item) => typeof item === 'string')) return tunnels
  throw new Problem('bad_request', 'the claim tunnels is no list of texts')
}

/** @throws Problem `overloaded` where the fault is not the JWT's. */
function refusalOf(error: unknown): JwtRefusal {
  if (error instanceof Problem) return { kind: 'refused', reason: error.message }
  const { code, message } = error as errors.JOSEError
  if (/^ERR_(JWT_|JWS_|JWKS_NO_MATCHING_KEY|JOSE_ALG_NOT_ALLOWED|JOSE_NOT_SUPPORTED)/.test(code ?? ''))
    return { kind: 'refused', reason: message }
  throw new Problem('overloaded', 'the keys that JWTs are checked with cannot be had from their issuer', {
    cause: error,
  })
}
