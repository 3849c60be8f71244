/** The dashboard's sign-in: a cookie that stands for a principal, kept as a hash, ended with its credential. */
import { randomBytes } from 'node:crypto'
import { type Fields, getField } from '../../shared/headers.js'
import { isLoopback } from '../../shared/loopback.js'
import type { RequestHead } from '../edge/engine.js'
import { LOOPBACK_COOKIE, SECURE_COOKIE } from '../guard/session-cookie.js'
import type { Endings } from './endings.js'
import type { Principal } from './principal.js'
import { secretHash } from './tokens.js'

const LASTS_MS = 12 * 3_600_000

/** Browsers of operators; past it the oldest sign-in ends. */
const MOST = 1024

interface SignIn {
  readonly principal: Principal
  readonly until: number
}

export class Cookies {
  readonly #endings: Endings
  readonly #now: () => number
  /** By the hash of the cookie's value, oldest first. */
  readonly #signIns = new Map<string, SignIn>()

  /** `now`: ms since the epoch. */
  constructor(endings: Endings, now: () => number) {
    this.#endings = endings
    this.#now = now
  }

  /** @returns the value of `set-cookie`. */
  signIn(principal: Principal, head: RequestHead): string {
    const value = randomBytes(32).toString('base64url')
    if (this.#signIns.size === MOST) this.#signIns.delete(this.#signIns.keys().next().value!)
    this.#signIns.set(secretHash(value), { principal, until: this.#now() + LASTS_MS })
    return setCookie(head, value, LASTS_MS / 1000)
  }

  /** @returns the value of `set-cookie` that removes it. */
  signOut(head: RequestHead): string {
    const value = sessionCookie(head)
    if (value !== undefined) this.#signIns.delete(secretHash(value))
    return setCookie(head, '', 0)
  }

  /** Who signed in with the cookie of this request, if that still holds. */
  principalOf(head: RequestHead): Principal | undefined {
    const value = sessionCookie(head)
    if (value === undefined) return undefined
    const hash = secretHash(value)
    const found = this.#signIns.get(hash)
    if (found === undefined) return undefined
    if (found.until > this.#now() && this.#endings.alive(found.principal)) return found.principal
    this.#signIns.delete(hash)
    return undefined
  }
}

/**
 * Browsers take a `__Host-` cookie over https only, also where that ends at a proxy of which the gateway knows
 * nothing. On plain loopback it has another name.
 */
function cookieName({ headers, secure }: RequestHead): string {
  const host = (getField(headers, 'host') ?? '').replace(/:\d*$/, '')
  return !secure && isLoopback(host) ? LOOPBACK_COOKIE : SECURE_COOKIE
}

function setCookie(head: RequestHead, value: string, seconds: number): string {
  const name = cookieName(head)
  const secure = name === SECURE_COOKIE ? '; Secure' : ''
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
}

function sessionCookie(head: RequestHead): string | undefined {
  const cookies = getField(head.headers, 'cookie')
  if (cookies === undefined || !isOwn(head.headers)) return undefined
  const prefix = `${cookieName(head)}=`
  const pair = cookies.split(';').find((part) => part.trimStart().startsWith(prefix))
  return pair?.trim().slice(prefix.length)
}

/** Beside `SameSite`: what a browser sends for a page of another origin does not speak for who signed in. */
function isOwn(headers: Fields): boolean {
  const site = getField(headers, 'sec-fetch-site')
  return site === undefined || site === 'same-origin' || site === 'none'
}
