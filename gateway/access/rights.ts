/** What a command line says of the rights of a token or a device. */
import { Problem } from '../../shared/errors.js'
import { choice, list, text } from '../../shared/option-types.js'
import type { Report, ValuesOf } from '../../shared/options.js'
import { parseGrant, ROLES } from './grant.js'
import { SCOPES } from './principal.js'

export const rightsOptions = {
  role: { type: choice(...ROLES), group: 'rights', help: 'an operator calls, a node opens links' },
  scope: {
    type: list(choice(...SCOPES)),
    group: 'rights',
    help: 'what an operator may do; repeatable',
  },
  tunnel: {
    type: list(text('PATTERN', 'agent_…, name:GLOB or *')),
    group: 'rights',
    otherwise: 'all',
    help: 'what a node may claim and an operator see: agent_…, name:GLOB or *; repeatable',
  },
} as const

export interface AskedRights {
  readonly role: string | undefined
  readonly scopes: readonly string[]
  readonly tunnels: readonly string[]
  readonly public: boolean
}

/** As a verb takes them. Reports what is contradictory. */
export function askedRights(
  { role, scope, tunnel }: ValuesOf<typeof rightsOptions>,
  open: boolean,
  report: Report,
): AskedRights {
  const asked = { role, scopes: scope, tunnels: tunnel, public: open }
  try {
    parseGrant(asked, [])
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    report(error.message)
  }
  return asked
}

export interface ShownRights {
  readonly role: string
  readonly scopes: readonly string[]
  readonly tunnels: readonly string[]
  readonly public?: boolean
}

/** In one cell of a table. */
export function formatRights({ role, scopes, tunnels, public: open }: ShownRights): string {
  const words = [role, ...scopes, ...tunnels, ...(open === true ? ['public'] : [])]
  return words.join(' ')
}
