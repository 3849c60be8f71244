/**
 * What every request passes that has nothing to do with who asks: how many come from its address, and which page sent
 * it. Options may change while the gateway runs: settings are read at use.
 */
import type { RequestHead } from '../edge/engine.js'
import type { Route } from '../edge/routes.js'
import type { GatewayOptions } from '../options.js'
import { addressKey, CallerAddresses } from './address.js'
import { type AttemptSettings, Attempts } from './attempts.js'
import { checkForwardSite, checkHost, checkOpenOrigin, checkSocketOrigin } from './browsers.js'
import { corsFields } from './cors.js'
import type { OriginSettings } from './origin.js'
import { RateLimit, type RateSettings } from './rate-limit.js'
import { trustedProxies } from './trusted-proxies.js'

export interface GuardSettings extends RateSettings, AttemptSettings, OriginSettings {
  /** Hosts under which the gateway answers without authentication. */
  readonly hosts: ReadonlySet<string>
}

export function guardSettings(options: GatewayOptions): GuardSettings {
  const { publicUrl } = options
  return {
    ...options,
    origins: new Set(options.corsOrigin),
    publicOrigin: publicUrl === undefined ? undefined : new URL(publicUrl).origin,
    trusted: trustedProxies(options.trustedProxies),
    hosts: new Set([options.host.toLowerCase(), ...options.domain, ...options.allowedHosts]),
  }
}

export class Guard {
  readonly attempts: Attempts
  readonly #settings: GuardSettings
  readonly #addresses: CallerAddresses
  readonly #byAddress: RateLimit
  readonly #byCredential: RateLimit

  /** `now`: milliseconds, monotonic. */
  constructor(settings: GuardSettings, now: () => number) {
    this.#settings = settings
    this.attempts = new Attempts(settings, now)
    this.#addresses = new CallerAddresses(settings.trusted)
    this.#byAddress = new RateLimit('address', settings, now)
    this.#byCredential = new RateLimit('credential', settings, now)
  }

  /** Requests that were answered 429 so far. */
  get limited(): number {
    return this.#byAddress.limited + this.#byCredential.limited + this.attempts.refused
  }

  /** The caller's own. What limits count by is its `addressKey`. */
  addressOf(head: RequestHead): string {
    return this.#addresses.of(head)
  }

  /**
   * Counts a request by its address. @returns fields that every answer to it carries.
   * @throws Problem `rate_limited`.
   */
  count(head: RequestHead, route: Route): readonly string[] {
    if (this.#settings.rateLimit.count === 0 || !isCounted(route)) return NONE
    return this.#byAddress.take(addressKey(this.addressOf(head)))
  }

  /** Counts a request of that credential, by its principal's id; as `count`. */
  countCredential(route: Route, id: string): readonly string[] {
    return isCounted(route) ? this.#byCredential.take(id) : NONE
  }

  /**
   * The page that sent it may send it, as far as that can be told before it is known who asks. `open`: there is no
   * authentication. @throws Problem `forbidden`.
   */
  checkPage(head: RequestHead, route: Route, open: boolean): void {
    const settings = this.#settings
    if (route.kind === 'proxy') {
      if (open && route.via === 'forward') checkForwardSite(head, settings)
      return
    }
    if (open) {
      checkHost(head, settings.hosts)
      checkOpenOrigin(head, settings)
    }
    if (isSocket(route)) checkSocketOrigin(head, settings)
  }

  /** What lets a page of `--cors-origin` read the answer, whatever that is. An application answers for itself. */
  pageFields({ headers }: RequestHead, route: Route): readonly string[] {
    return route.kind === 'proxy' ? NONE : corsFields(headers, this.#settings.origins)
  }
}

const NONE: readonly string[] = []

const isCounted = (route: Route): boolean =>
  route.kind !== 'links' && !(route.kind === 'api' && route.match.route.uncounted === true)

const isSocket = (route: Route): boolean =>
  route.kind === 'links' || (route.kind === 'api' && route.match.route.socket === true)
