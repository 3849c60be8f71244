/** What a token or a device may do, as it is asked for and as it is kept. */
import { Problem } from '../../shared/errors.js'
import { parsePatterns } from '../agents/tunnel-patterns.js'
import { SCOPES, type Scope } from './principal.js'

export const ROLES = ['operator', 'node'] as const
export type Role = (typeof ROLES)[number]

export interface Grant {
  readonly role: Role
  /** Empty of a node. */
  readonly scopes: readonly Scope[]
  /** Of a node what it may claim; of an operator what it sees and calls, empty: everything. */
  readonly tunnels: readonly string[]
  /** Whether a node may open its tunnels to callers without a credential. */
  readonly public: boolean
}

/** As it comes from another process or over the wire. */
export interface AskedGrant {
  readonly role?: unknown
  readonly scopes?: unknown
  readonly tunnels?: unknown
  readonly public?: unknown
}

/**
 * `scopes`: of an operator for whom none are asked. A node for which no tunnels are asked gets `*`.
 * @throws Problem `bad_request` naming the member and the rule that it breaks.
 */
export function parseGrant(asked: AskedGrant, scopes: readonly Scope[]): Grant {
  const role = ROLES.find((word) => word === (asked.role ?? 'operator'))
  if (role === undefined) throw new Problem('bad_request', `role is neither ${ROLES.join(' nor ')}`)
  const given = texts('scopes', asked.scopes)
  const tunnels = parsePatterns(texts('tunnels', asked.tunnels))
  const open = asked.public ?? false
  if (typeof open !== 'boolean') throw new Problem('bad_request', 'public is neither true nor false')
  if (role === 'node') {
    if (given.length > 0) throw new Problem('bad_request', 'scopes are for operators, a node has tunnels')
    return { role, scopes: [], tunnels: tunnels.length === 0 ? ['*'] : tunnels, public: open }
  }
  if (open) throw new Problem('bad_request', 'public is for nodes')
  return { role, scopes: given.length === 0 ? scopes : parseScopes(given), tunnels, public: false }
}

/** Without repeats. @throws Problem `bad_request` naming the one that there is not. */
function parseScopes(given: readonly string[]): readonly Scope[] {
  const unknown = given.find((scope) => !isScope(scope))
  if (unknown !== undefined)
    throw new Problem(
      'bad_request',
      `scope ${JSON.stringify(unknown.slice(0, 80))} is unknown; there are ${SCOPES.join(', ')}`,
    )
  return [...new Set(given)].filter(isScope)
}

export const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text)

function texts(member: string, value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new Problem('bad_request', `${member} is no list of texts`)
}
