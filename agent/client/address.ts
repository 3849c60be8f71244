/** Where a gateway is, as the client is told, and what it is shown there. */
import { isInTheClear, parseGatewayUrl } from '../gateway-url.js'

export interface Address {
  /** `http:` or `https:`, with the path that a proxy puts before the gateway's own, without a final slash. */
  readonly base: string
  /** Fields of each request. */
  headers(): Readonly<Record<string, string>>
}

export interface Credentials {
  /** A function is asked for each request. Those that begin with `gwd_` are a device's. */
  readonly token?: string | (() => string) | undefined
  /** Lets a token go over `http:` to another machine, where it can be read on the way. */
  readonly insecure?: boolean | undefined
}

/** @throws TypeError that says what is wrong with the URL. */
export function addressOf(url: string | URL, { token, insecure = false }: Credentials): Address {
  const text = String(url)
  const gateway = parsed(text)
  if (token !== undefined && isInTheClear(gateway) && !insecure)
    throw new TypeError(
      `gateway ${gateway.origin} would be sent the token in the clear; it takes https, or insecure`,
    )
  const path = new URL(text).pathname.replace(/\/+$/, '')
  return {
    base: gateway.origin + path,
    headers() {
      const secret = typeof token === 'function' ? token() : token
      return !secret ? NONE : { authorization: `${schemeOf(secret)} ${secret}` }
    },
  }
}

const NONE: Readonly<Record<string, string>> = {}
const schemeOf = (secret: string): string => (secret.startsWith('gwd_') ? 'DeviceToken' : 'Bearer')

function parsed(text: string): ReturnType<typeof parseGatewayUrl> {
  try {
    return parseGatewayUrl(text)
  } catch (error) {
    throw new TypeError(`gateway ${JSON.stringify(text)} ${(error as Error).message}`)
  }
}
