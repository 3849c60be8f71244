/** `/dashboard/session`: signing in and out of the dashboard. */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import type { ApiHandler, ApiRequest } from '../api/request.js'
import type { RequestHead } from '../edge/engine.js'
import { jsonReply, type Reply } from '../edge/reply.js'
import type { Access } from './access.js'
import type { Principal } from './principal.js'
import { byteString, isDeviceText } from './tokens.js'

export interface SessionApiParts {
  readonly access: Access
  /** The caller's, behind whatever proxies are trusted. */
  addressOf(head: RequestHead): string
}

const MOST = 16 * 1024

export class SessionApi {
  readonly #parts: SessionApiParts

  constructor(parts: SessionApiParts) {
    this.#parts = parts
  }

  /** Who is signed in, and by which modes one may. */
  readonly show: ApiHandler = ({ principal }) => this.#session(principal, [])

  /** By `authorization`, or by JSON `{"credential"}`: a token, a device token, a JWT, the root secret or the password. */
  readonly signIn: ApiHandler = async (request) => {
    const { access } = this.#parts
    const principal = access.authenticator.open ? request.principal : await this.#principal(request)
    if (principal?.scopes === undefined)
      throw new Problem('forbidden', 'this credential is no operator: it may not call anything')
    if (access.authenticator.open) return this.#session(principal, [])
    return this.#session(principal, ['set-cookie', access.cookies.signIn(principal, request.head)])
  }

  readonly signOut: ApiHandler = ({ head }) =>
    this.#session(undefined, ['set-cookie', this.#parts.access.cookies.signOut(head)])

  #principal(request: ApiRequest): Principal | Promise<Principal> {
    const { access, addressOf } = this.#parts
    const { head } = request
    const address = addressOf(head)
    if (getField(head.headers, 'authorization') !== undefined)
      return access.authenticator.authenticate(head, 'api', address)
    // A page of another origin cannot send this type unasked, and so cannot sign anybody in.
    if (!/^application\/json\b/i.test(getField(head.headers, 'content-type') ?? ''))
      throw new Problem('bad_request', 'the content-type is not application/json')
    return this.#byBody(request, address)
  }

  async #byBody(request: ApiRequest, address: string): Promise<Principal> {
    const body = (await request.json(MOST)) as { credential?: unknown } | null
    const credential = body?.credential
    if (typeof credential !== 'string' || credential === '')
      throw new Problem('bad_request', 'the body is not {"credential": "…"}')
    const secret = byteString(credential)
    const kind = isDeviceText(secret) ? 'device' : 'bearer'
    return this.#parts.access.authenticator.verify({ kind, secret }, address)
  }

  #session(principal: Principal | undefined, headers: readonly string[]): Reply {
    const { authenticator } = this.#parts.access
    const session = {
      signed_in: principal !== undefined,
      id: principal?.id ?? null,
      scopes: [...(principal?.scopes ?? [])],
      modes: [...authenticator.modes],
    }
    return jsonReply(200, session, ['cache-control', 'no-store', ...headers])
  }
}
