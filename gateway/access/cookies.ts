/** The dashboard's sign-in as browsers have it: a cookie that stands for a principal. */
import { type Fields, getField } from '../../shared/headers.js'
import { isLoopback } from '../../shared/loopback.js'
import type { RequestHead } from '../edge/engine.js'
import { LOOPBACK_COOKIE, SECURE_COOKIE } from '../guard/session-cookie.js'
import type { Principal } from './principal.js'
import { LASTS_MS, type SignIns } from './sign-ins.js'

export class Cookies {
  readonly #signIns: SignIns

  constructor(signIns: SignIns) {
    this.#signIns = signIns
  }

  /** @returns the value of `set-cookie`. */
  signIn(principal: Principal, head: RequestHead): string {
    return setCookie(head, this.#signIns.begin(principal), LASTS_MS / 1000)
  }

  /** @returns the value of `set-cookie` that removes it. */
  signOut(head: RequestHead): string {
    const value = sessionCookie(head)
    if (value !== undefined) this.#signIns.end(value)
    return setCookie(head, '', 0)
  }

  /** Who signed in with the cookie of this request, if that still holds. */
  principalOf(head: RequestHead): Principal | undefined {
    const value = sessionCookie(head)
    return value === undefined ? undefined : this.#signIns.principalOf(value)
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
