/** `/devices*`. Who may call what stands in the table of routes; what an operator may grant is checked here. */
import { Problem } from '../../shared/errors.js'
import { parseJson } from '../../shared/json-body.js'
import type { ApiHandler, ApiRequest } from '../api/request.js'
import type { RequestHead } from '../edge/engine.js'
import { jsonReply } from '../edge/reply.js'
import type { Tell } from '../events/event.js'
import type { Access } from './access.js'
import type { Attempts } from './authenticator.js'
import { mayGrant } from './authority.js'
import type { Issued } from './credentials.js'
import { type AskedGrant, parseGrant } from './grant.js'
import type { CredentialRecord } from './store.js'

export interface DevicesApiParts {
  readonly access: Access
  readonly attempts: Attempts
  readonly tell: Tell
  /** The caller's, behind whatever proxies are trusted. */
  addressOf(head: RequestHead): string
}

/** Bytes; these bodies hold a name, a key and a few patterns. */
const MOST = 16 * 1024
const LONGEST_NAME = 64

/** Of answers that hold a secret. */
const PRIVATE = ['cache-control', 'no-store']

export class DevicesApi {
  readonly #parts: DevicesApiParts

  constructor(parts: DevicesApiParts) {
    this.#parts = parts
  }

  readonly pair: ApiHandler = async (request) => {
    const { name, public_key: publicKey } = await members(request)
    if (!isName(name)) {
      throw new Problem('bad_request', `name is no text of 1 to ${LONGEST_NAME} characters`)
    }
    const { access, addressOf } = this.#parts
    const key = optionalText('public_key', publicKey)
    const { code, expiresAt } = access.pairings.begin(name, key, addressOf(request.head))
    return jsonReply(201, { code, expires_at: iso(expiresAt) })
  }

  readonly claim: ApiHandler = async (request) => {
    const { access, attempts, addressOf, tell } = this.#parts
    const address = addressOf(request.head)
    attempts.check(address)
    const { signature } = await members(request)
    try {
      const signed = optionalText('signature', signature)
      const { code = '' } = request.params
      const issue = access.pairings.claim(code, signed, (label, grant) =>
        access.credentials.issue({ kind: 'device', grant, label }),
      )
      return jsonReply(200, credential(issue), PRIVATE)
    } catch (error) {
      // A code can be guessed as a password can, and so can what signs it.
      if (error instanceof Problem && (error.code === 'not_found' || error.code === 'unauthorized')) {
        attempts.failed(address)
        tell({ type: 'auth:failed', data: { address, scheme: 'code', reason: error.message } })
      }
      throw error
    }
  }

  readonly approve: ApiHandler = async (request) => {
    const grant = parseGrant((await members(request)) as AskedGrant, ['operator.read'])
    this.#mayHandOut()
    mayGrant(request.principal!, grant)
    const name = this.#parts.access.pairings.approve(request.params.code ?? '', grant)
    const { role, scopes, tunnels } = grant
    return jsonReply(200, { state: 'approved', name, role, scopes, tunnels })
  }

  readonly reject: ApiHandler = ({ params }) => {
    const name = this.#parts.access.pairings.reject(params.code ?? '')
    return jsonReply(200, { state: 'rejected', name })
  }

  readonly list: ApiHandler = () => {
    const devices = this.#parts.access.credentials.list('device')
    return jsonReply(200, { devices: devices.map(shownDevice) })
  }

  readonly remove: ApiHandler = ({ params }) => {
    this.#parts.access.credentials.remove('device', params.id ?? '')
    return jsonReply(200, { deleted: true })
  }

  /** The answer holds the device's rights, so they are granted anew: by who may grant them. */
  readonly rotate: ApiHandler = ({ params, principal }) => {
    const { credentials } = this.#parts.access
    const id = params.id ?? ''
    this.#mayHandOut()
    mayGrant(principal!, credentials.find('device', id).grant)
    return jsonReply(200, credential(credentials.rotate('device', id)), PRIVATE)
  }

  /** Where everybody is let in, anybody could take rights along into the time when no longer everybody is. */
  #mayHandOut(): void {
    if (this.#parts.access.authenticator.open)
      throw new Problem('conflict', '--auth none: there is nobody who could grant rights')
  }
}

export function shownDevice({ id, label, grant, createdAt, lastUsedAt }: CredentialRecord): object {
  const { role, scopes, tunnels } = grant
  return {
    id,
    name: label,
    role,
    scopes,
    tunnels,
    created_at: iso(createdAt),
    last_used_at: lastUsedAt === undefined ? null : iso(lastUsedAt),
  }
}

function credential({ text, record }: Issued): object {
  const { id, grant } = record
  return { id, token: text, role: grant.role, scopes: grant.scopes, tunnels: grant.tunnels }
}

const iso = (time: number): string => new Date(time).toISOString()

/** A body that is empty is an object without members. */
async function members(request: ApiRequest): Promise<Readonly<Record<string, unknown>>> {
  const body = await request.body(MOST)
  const value = body.length === 0 ? {} : parseJson(body)
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw new Problem('bad_request', 'the body is no JSON object')
}

/** No control or format characters: operators read it on a terminal. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LONGEST_NAME && /^\P{C}+$/u.test(value) && value.trim() !== ''

function optionalText(member: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw new Problem('bad_request', `${member} is no text`)
}
