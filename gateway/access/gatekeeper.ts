/**
 * Who may do what, for the edge. In this order, so that what is refused costs and tells as little as can be: the
 * certificate, the rate of the address, the page that asks, the credential, its rate, its scope.
 */
import { Problem } from '../../shared/errors.js'
import type { RequestHead, ResponseHead } from '../edge/engine.js'
import type { Admission, Answered, Gate, Pass } from '../edge/gate.js'
import type { ProxyRoute, Route } from '../edge/routes.js'
import { addressKey } from '../guard/address.js'
import { checkCookieOrigin } from '../guard/browsers.js'
import { preflight } from '../guard/cors.js'
import type { Guard, GuardSettings } from '../guard/guard.js'
import type { Guests } from '../guard/guests.js'
import { asksForDocument } from '../guard/sandbox.js'
import type { Authenticator } from './authenticator.js'
import { requireReach, requireScope } from './authority.js'
import { credentialField, hasNoField, refuseQuerySecrets } from './credential.js'
import type { Endings } from './endings.js'
import { EVERYBODY, type Principal } from './principal.js'

export interface GatekeeperParts {
  readonly authenticator: Authenticator
  readonly endings: Endings
  readonly guard: Guard
  readonly guests: Guests
  readonly settings: GuardSettings
  /** `--tls-ca`: everybody shows a certificate. */
  readonly certificates: boolean
}

/** `--auth none`, and nothing to guard. */
export const OPEN: Admission = Object.freeze({
  kind: 'admitted',
  principal: EVERYBODY,
  spent: undefined,
  headers: [],
  sandboxed: 'no',
  guest: undefined,
})

export class Gatekeeper implements Gate {
  readonly #parts: GatekeeperParts

  constructor(parts: GatekeeperParts) {
    this.#parts = parts
  }

  pass(head: RequestHead, route: Route): Admission | Answered | Promise<Admission | Answered> {
    const { authenticator, certificates, guard, settings } = this.#parts
    if (head.excess === true)
      throw new Problem('overloaded', 'the gateway has as many connections as it takes')
    if (certificates && head.clientCertificate !== true && !isProbe(route))
      throw new Problem('forbidden', 'this gateway takes a client certificate')
    const { open } = authenticator
    let told = guard.pageFields(head, route)
    try {
      const counted = guard.count(head, route)
      told = joined(told, counted)
      guard.checkPage(head, route, open)
      const answer = route.kind === 'proxy' ? undefined : preflight(head, settings.origins)
      if (answer !== undefined) return answered(answer, counted)
      const verdict = open ? this.#openly(head, route, told) : this.#asked(head, route, told)
      if (!(verdict instanceof Promise) || told.length === 0) return verdict
      return verdict.catch((error: unknown) => {
        throw withFields(error, told)
      })
    } catch (error) {
      throw withFields(error, told)
    }
  }

  alive({ principal }: Admission): boolean {
    return principal === undefined || principal === EVERYBODY || this.#parts.endings.alive(principal)
  }

  /** Nobody is asked who he is. */
  #openly(head: RequestHead, route: Route, headers: readonly string[]): Admission {
    if (route.kind !== 'proxy') {
      refuseQuerySecrets(head.target)
      return headers.length === 0 ? OPEN : { ...OPEN, headers }
    }
    const guest = this.#parts.guests.ofOpen(head)
    if (route.fault !== undefined) throw route.fault
    return guest === undefined && headers.length === 0 ? OPEN : { ...OPEN, headers, guest }
  }

  #asked(head: RequestHead, route: Route, headers: readonly string[]): Admission | Promise<Admission> {
    const { authenticator, guard, guests, settings } = this.#parts
    if (route.kind === 'proxy') {
      const sandboxed = sandboxOf(head, route)
      const guest = guests.admit(head, route.tunnel)
      if (guest !== undefined)
        return { kind: 'admitted', principal: undefined, spent: undefined, headers, sandboxed, guest }
      const facts = { headers, sandboxed, spent: credentialField(head.headers) }
      const found = authenticator.authenticate(head, 'proxied', addressKey(guard.addressOf(head)))
      if (!(found instanceof Promise)) return this.#admit(found, route, facts)
      return found.then((principal) => this.#admit(principal, route, facts))
    }
    const key = addressKey(guard.addressOf(head))
    const kind = route.kind === 'links' ? 'link' : 'api'
    const open = route.kind === 'api' && route.match.route.scope === 'open'
    const found = open ? authenticator.identify(head, kind, key) : authenticator.authenticate(head, kind, key)
    const known = (principal: Principal | undefined): Admission => {
      if (principal !== undefined && hasNoField(head)) checkCookieOrigin(head, settings)
      return this.#admit(principal, route, { headers, sandboxed: 'no', spent: undefined })
    }
    return found instanceof Promise ? found.then(known) : known(found)
  }

  #admit(
    principal: Principal | undefined,
    route: Route,
    facts: Pick<Admission, 'headers' | 'sandboxed' | 'spent'>,
  ): Admission {
    if (principal === undefined) return { kind: 'admitted', principal, ...facts, guest: undefined }
    const counted = this.#parts.guard.countCredential(route, principal.id)
    try {
      checkRight(principal, route)
    } catch (error) {
      throw withFields(error, counted)
    }
    const { sandboxed, spent } = facts
    const headers = joined(facts.headers, counted)
    return { kind: 'admitted', principal, spent, headers, sandboxed, guest: undefined }
  }
}

/** For requests of the gateway's own: as if `principal` sent them. */
export const passAs =
  (principal: Principal): Pass =>
  (_head, route) => {
    checkRight(principal, route)
    return { ...OPEN, principal }
  }

/** @throws Problem `forbidden`, or what is wrong with the route, now that he may know. */
function checkRight(principal: Principal, route: Route): void {
  if (route.kind === 'proxy') {
    requireScope(principal, 'operator.write')
    if (route.fault !== undefined) throw route.fault
    requireReach(principal, route.selector)
  } else if (route.kind === 'api' && route.match.route.scope !== 'open')
    requireScope(principal, route.match.route.scope)
}

/** The four that tell no more than that the gateway lives. */
const isProbe = (route: Route): boolean => route.kind === 'api' && route.match.route.probe === true

function sandboxOf({ headers }: RequestHead, route: ProxyRoute): Admission['sandboxed'] {
  if (route.via === 'host') return 'no'
  return asksForDocument(headers) ? 'document' : 'fields'
}

const answered = (head: ResponseHead, counted: readonly string[]): Answered => ({
  kind: 'answered',
  reply: { head: { ...head, headers: joined(head.headers, counted) }, body: '' },
})

const joined = (some: readonly string[], more: readonly string[]): readonly string[] =>
  more.length === 0 ? some : some.length === 0 ? more : [...some, ...more]

/** Refusals carry the same fields as answers do. */
const withFields = (error: unknown, fields: readonly string[]): unknown =>
  error instanceof Problem && fields.length > 0 ? error.with(fields) : error
