/**
 * Who may do what, for the edge. In this order, so that what is refused costs and tells as little as can be: the
 * certificate, the rate of the address, the page that asks, the credential, its rate, its scope.
 */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { RequestHead } from '../edge/engine.js'
import { type Admission, type Answered, type Gate, OPEN, type Pass } from '../edge/gate.js'
import type { Route } from '../edge/routes.js'
import { addressKey } from '../guard/address.js'
import { checkCookieOrigin } from '../guard/browsers.js'
import { preflight } from '../guard/cors.js'
import type { Guard, GuardSettings } from '../guard/guard.js'
import type { Guests } from '../guard/guests.js'
import { asksForDocument } from '../guard/sandbox.js'
import type { Authenticator } from './authenticator.js'
import { requireScope } from './authority.js'
import { credentialField } from './credential.js'
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

export class Gatekeeper implements Gate {
  readonly #parts: GatekeeperParts

  constructor(parts: GatekeeperParts) {
    this.#parts = parts
  }

  pass(head: RequestHead, route: Route): Admission | Answered | Promise<Admission | Answered> {
    const { authenticator, guard, settings } = this.#parts
    if (head.excess === true)
      throw new Problem('overloaded', 'the gateway has as many connections as it takes')
    if (this.#parts.certificates && head.clientCertificate !== true && !isProbe(route))
      throw new Problem('forbidden', 'this gateway takes a client certificate')
    const address = guard.addressOf(head)
    const headers = guard.count(route, address)
    return told(headers, () => {
      const fields = guard.checkPage(head, route, authenticator.open)
      const all = fields.length === 0 ? headers : [...headers, ...fields]
      return told(fields, () => {
        const answer = route.kind === 'proxy' ? undefined : preflight(head, settings.origins)
        if (answer !== undefined) return { kind: 'answered', reply: { head: answer, body: '' } }
        return authenticator.open ? this.#openly(head, route, all) : this.#asked(head, route, address, all)
      })
    })
  }

  alive({ principal }: Admission): boolean {
    return principal === undefined || principal === EVERYBODY || this.#parts.endings.alive(principal)
  }

  /** Nobody is asked who he is. */
  #openly(head: RequestHead, route: Route, headers: readonly string[]): Admission {
    const proxied = route.kind === 'proxy'
    const guest = proxied ? this.#parts.guests.ofOpen(head) : undefined
    if (proxied && route.fault !== undefined) throw route.fault
    return { kind: 'admitted', principal: EVERYBODY, spent: undefined, headers, sandboxed: 'no', guest }
  }

  #asked(
    head: RequestHead,
    route: Route,
    address: string,
    headers: readonly string[],
  ): Admission | Promise<Admission> {
    const { authenticator, guests } = this.#parts
    const key = addressKey(address)
    const sandboxed = sandboxOf(head, route)
    if (route.kind === 'proxy') {
      const guest = guests.admit(head, route.tunnel)
      if (guest !== undefined)
        return { kind: 'admitted', principal: undefined, spent: undefined, headers, sandboxed, guest }
      if (route.fault !== undefined) throw route.fault
      const spent = credentialField(head.headers)
      const found = authenticator.authenticate(head, 'proxied', key)
      return later(found, (principal) => this.#admit(principal, route, { headers, sandboxed, spent }))
    }
    const kind = route.kind === 'links' ? 'link' : 'api'
    const open = route.kind === 'api' && route.match.route.scope === 'open'
    const found = open ? authenticator.identify(head, kind, key) : authenticator.authenticate(head, kind, key)
    return later(found, (principal) => {
      if (principal !== undefined && byCookie(head)) checkCookieOrigin(head, this.#parts.settings)
      return this.#admit(principal, route, { headers, sandboxed, spent: undefined })
    })
  }

  #admit(
    principal: Principal | undefined,
    route: Route,
    facts: Pick<Admission, 'headers' | 'sandboxed' | 'spent'>,
  ): Admission {
    const counted = principal === undefined ? [] : this.#parts.guard.countCredential(route, principal.id)
    const headers = counted.length === 0 ? facts.headers : [...facts.headers, ...counted]
    return told(counted, () => {
      if (principal !== undefined) checkScope(principal, route)
      return { kind: 'admitted', principal, ...facts, headers, guest: undefined }
    })
  }
}

/** For requests of the gateway's own: as if `principal` sent them. */
export const passAs =
  (principal: Principal): Pass =>
  (_head, route) => {
    checkScope(principal, route)
    return { ...OPEN, principal }
  }

function checkScope(principal: Principal, route: Route): void {
  if (route.kind === 'proxy') requireScope(principal, 'operator.write')
  else if (route.kind === 'api' && route.match.route.scope !== 'open')
    requireScope(principal, route.match.route.scope)
}

/** The four that tell no more than that the gateway lives. */
const isProbe = (route: Route): boolean => route.kind === 'api' && route.match.route.probe === true

/** No field held a credential: the cookie did, which a browser sends by itself. */
const byCookie = ({ headers }: RequestHead): boolean =>
  getField(headers, 'authorization') === undefined && getField(headers, 'x-api-key') === undefined

function sandboxOf({ headers }: RequestHead, route: Route): Admission['sandboxed'] {
  if (route.kind !== 'proxy' || route.via === 'host') return 'no'
  return asksForDocument(headers) ? 'document' : 'fields'
}

function later<T, R>(value: T | Promise<T>, then: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(then) : then(value)
}

/** Refusals carry the same fields as answers do. */
function told<T>(fields: readonly string[], work: () => T): T {
  if (fields.length === 0) return work()
  const add = (error: unknown): never => {
    throw error instanceof Problem ? error.with(fields) : error
  }
  try {
    const result = work()
    return result instanceof Promise ? (result.catch(add) as T) : result
  } catch (error) {
    return add(error)
  }
}
