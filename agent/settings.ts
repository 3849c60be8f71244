/** What an agent is made of, and the rules that its settings keep. */
import { cidr } from '../shared/cidr.js'
import { MAX_LABELS, MAX_RANGES } from '../shared/limits.js'
import type { Logger } from '../shared/log.js'
import { list } from '../shared/option-types.js'
import { nameFault } from '../shared/tunnel-id.js'
import type { DialTls } from './dial.js'
import { type GatewayUrl, isInTheClear, parseGatewayUrl } from './gateway-url.js'
import type { Answering } from './handlers/choose.js'
import { basicAuthFault, type PublicAccess } from './public-access.js'
import type { Accept, ExchangeObserver } from './serve.js'

export interface AgentOptions extends Answering {
  readonly tunnelId: string
  /** http, https, ws or wss; `/ws` is added where the path is empty. `http://127.0.0.1:3000` where it is not given. */
  readonly gateway?: string | URL | undefined
  /** A readable alias. */
  readonly name?: string | undefined
  /** For selection by callers. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** 0 to 1000, for the policy `weighted`; 1 where it is not given. */
  readonly weight?: number | undefined
  /** Exchanges served at once; 256 where it is not given. */
  readonly maxConcurrent?: number | undefined
  /** Opens the tunnel to callers without a credential, where the agent's own allows it. */
  readonly public?: boolean | undefined
  /** `user:password` that such callers have to know. */
  readonly basicAuth?: string | undefined
  /** Addresses and CIDRs from which such callers may come; at most 128. */
  readonly allowIp?: readonly string[] | undefined
  /** Parallel WebSockets; 1 where it is not given. */
  readonly links?: number | undefined
  /** Credential for the gateway. A function is asked each time the agent dials. */
  readonly token?: string | (() => string) | undefined
  readonly tls?: DialTls | undefined
  /** Milliseconds that `stop` waits for exchanges in flight before it cuts them; 30,000 where it is not given. */
  readonly drainTimeout?: number | undefined
  /** Nothing is logged where it is not given. */
  readonly log?: Logger | undefined
  readonly observer?: AgentObserver | undefined
  /** Stands in front of what serves the exchanges, and sees them pass: the inspector. */
  readonly watch?: ((accept: Accept) => Accept) | undefined
}

/** Told what happens, as it happens. Must not throw. */
export interface AgentObserver extends ExchangeObserver {
  /** `urls` reach this tunnel, best first. */
  connected(link: number, urls: readonly string[]): void
  disconnected(link: number, reason: string, retryIn: number): void
}

/** @returns the gateway. @throws TypeError or RangeError naming the option and the rule that it breaks. */
export function checkOptions(options: AgentOptions): GatewayUrl {
  const { weight = 1, maxConcurrent = 256, links = 1, labels = {}, name } = options
  checkRange('weight', weight, 0, 1000)
  checkRange('maxConcurrent', maxConcurrent, 1, 1_000_000)
  checkRange('links', links, 1, 64)
  checkLabels(labels)
  const fault = name === undefined ? undefined : nameFault(name)
  if (fault !== undefined) throw new TypeError(`name: ${JSON.stringify(name)} ${fault}`)
  const gateway = gatewayOf(options.gateway ?? 'http://127.0.0.1:3000')
  const { token, basicAuth, tls } = options
  if ((token !== undefined || basicAuth !== undefined) && isInTheClear(gateway) && tls?.insecure !== true) {
    const carried = token === undefined ? 'what basicAuth asks for' : 'the token'
    throw new TypeError(`gateway: ${gateway.dial} would carry ${carried} in the clear; it takes https or wss`)
  }
  return gateway
}

/** What callers without a credential have to pass. @throws TypeError or RangeError naming the option and the rule. */
export function publicAccessOf(options: AgentOptions): PublicAccess | undefined {
  const { basicAuth, allowIp = [] } = options
  if (options.public !== true) {
    if (basicAuth !== undefined) throw new TypeError('basicAuth: needs public')
    if (allowIp.length > 0) throw new TypeError('allowIp: needs public')
    return undefined
  }
  const fault = basicAuth === undefined ? undefined : basicAuthFault(basicAuth)
  if (fault !== undefined) throw new TypeError(`basicAuth: ${fault}`)
  if (allowIp.length > MAX_RANGES)
    throw new RangeError(`allowIp: ${allowIp.length} are more than ${MAX_RANGES}`)
  const ranges = list(cidr).parse(allowIp, (index, rule) => {
    throw new TypeError(`allowIp: ${JSON.stringify(allowIp[index])} ${rule}`)
  })
  return { basicAuth, allowIp: ranges ?? [] }
}

function gatewayOf(url: string | URL): GatewayUrl {
  try {
    return parseGatewayUrl(String(url))
  } catch (error) {
    throw new TypeError(`gateway: ${JSON.stringify(String(url))} ${(error as Error).message}`)
  }
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${name}: ${value} is not a whole number from ${min} to ${max}`)
}
const KEY = /^[\w.\-/]{1,63}$/
/** Selectors separate labels by commas. */
const VALUE = /^(?!.*,)[\x21-\x7e]{1,255}$/

/** @throws TypeError naming the label that a selector could not name, or RangeError for too many. */
function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS)
    throw new RangeError(`labels: ${entries.length} are more than ${MAX_LABELS}`)
  for (const [key, value] of entries) {
    if (!KEY.test(key))
      throw new TypeError(`labels: the key ${JSON.stringify(key)} is not of a-z A-Z 0-9 _ . - /, at most 63`)
    if (!VALUE.test(value))
      throw new TypeError(
        `labels: the value of ${key} is empty, longer than 255 or not plain ASCII without commas and blanks`,
      )
  }
}
