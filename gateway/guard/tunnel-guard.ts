/**
 * What an agent started with `--public` asks of callers without a credential. It stands in the link's handshake, in
 * fields and not in the query, which ends in logs; of the password there travels a hash only.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { cidr } from '../../shared/cidr.js'
import { Problem } from '../../shared/errors.js'
import { type Fields, getField, listField } from '../../shared/headers.js'
import { MAX_RANGES } from '../../shared/limits.js'
import { list } from '../../shared/option-types.js'
import { isTrusted, type TrustedProxies, trustedProxies } from './trusted-proxies.js'

export interface TunnelGuard {
  /** SHA-256 of `user:password`; undefined: none is asked for. */
  readonly basic: Buffer | undefined
  /** Where callers may come from; empty: from anywhere. */
  readonly allowed: TrustedProxies
}

/** A public tunnel that asks for nothing. */
export const UNGUARDED: TunnelGuard = Object.freeze({ basic: undefined, allowed: [] })

/** Of a link's handshake; undefined where the tunnel is not public. @throws Problem `bad_request`. */
export function guardOf(headers: Fields): TunnelGuard | undefined {
  const open = getField(headers, 'gw-public')
  const basic = getField(headers, 'gw-basic-auth')
  const ranges = listField(headers, 'gw-allow-ip')
  if (open === undefined) {
    if (basic !== undefined || ranges.length > 0) throw bad('gw-basic-auth and gw-allow-ip go with gw-public')
    return undefined
  }
  if (open !== '1') throw bad('gw-public is other than 1')
  if (basic !== undefined && !/^[0-9a-f]{64}$/.test(basic)) {
    throw bad('gw-basic-auth is not the SHA-256 of user:password in 64 hex digits')
  }
  if (ranges.length > MAX_RANGES) throw bad(`gw-allow-ip lists more than ${MAX_RANGES} ranges`)
  const allowed = list(cidr).parse(ranges, (index, rule) => {
    throw bad(`gw-allow-ip ${JSON.stringify(ranges[index]?.slice(0, 80))} ${rule}`)
  })
  if (basic === undefined && ranges.length === 0) return UNGUARDED
  return {
    basic: basic === undefined ? undefined : Buffer.from(basic, 'hex'),
    allowed: trustedProxies(allowed ?? []),
  }
}

const bad = (detail: string): Problem => new Problem('bad_request', detail)

export type Verdict =
  /** `spent`: the caller's `authorization` was for the guard, and is not sent on. */
  | { readonly kind: 'allow'; readonly spent: boolean }
  /**
   * `wrong`: it presented a wrong password, which counts as a failed credential of its address. Else its
   * `authorization`, if any, was not for the guard: it may be a credential for the gateway.
   */
  | { readonly kind: 'refuse'; readonly problem: Problem; readonly wrong: boolean }

const ALLOW: Verdict = { kind: 'allow', spent: false }
const ALLOW_SPENT: Verdict = { kind: 'allow', spent: true }

/**
 * Whether a caller without a credential may pass them all: where replicas of a tunnel guard it differently, the
 * strictest reading is taken. `address`: the caller's own, not its network; `authorization`: the field, if any.
 */
export function judge(
  guards: readonly TunnelGuard[],
  address: string,
  authorization: string | undefined,
): Verdict {
  let spent = false
  let asked = false
  let wrong = false
  for (const { allowed, basic } of guards) {
    if (allowed.length > 0 && !isTrusted(address, allowed)) {
      return { kind: 'refuse', problem: new Problem('forbidden', OUTSIDE), wrong: false }
    }
    if (basic === undefined) continue
    const given = userAndPassword(authorization)
    if (given === undefined) asked = true
    else if (timingSafeEqual(hash('sha256', given, 'buffer'), basic)) spent = true
    else wrong = true
  }
  if (!asked && !wrong) return spent ? ALLOW_SPENT : ALLOW
  const detail = wrong ? 'user or password is wrong' : 'this tunnel takes a user and a password'
  return { kind: 'refuse', problem: new Problem('unauthorized', detail, { headers: CHALLENGE }), wrong }
}

/** Whether a caller has to present anything, or to come from anywhere. */
export const asks = ({ basic, allowed }: TunnelGuard): boolean => basic !== undefined || allowed.length > 0

const OUTSIDE = 'this tunnel is not open to your address'
const CHALLENGE = ['www-authenticate', 'Basic realm="tunnel", charset="UTF-8"']

/** `user:password` of a Basic credential (RFC 7617); undefined where there is none. */
function userAndPassword(authorization: string | undefined): Buffer | undefined {
  const encoded = /^basic +([\w+/=-]+) *$/i.exec(authorization ?? '')?.[1]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
}
