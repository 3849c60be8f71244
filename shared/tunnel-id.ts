import { Problem } from './errors.js'
import { ownText } from './own-text.js'

/** The name an agent is reached by, taken apart. `id` is the whole of it, normalised to lower case. */
export interface TunnelId {
  readonly id: string
  readonly uuid: string
  readonly purpose: string
}

/**
 * Eight, four, four, four and twelve hex digits. The `uuid` package's own check is not used: it knows versions 1 to 8
 * of one variant, and an id may be of any.
 */
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const UUID_WHOLE = new RegExp(`^${UUID}$`)
const UUID_AT_END = new RegExp(`${UUID}$`)

/** Words of a host's label: neither first nor last a `-`. */
const WORD = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

const LONGEST_PURPOSE = 24
/** A name is one label of a host name (RFC 1035 §2.3.4). */
const LONGEST_NAME = 63

/** Host labels that a gateway's domain needs for itself. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['www', 'api', 'admin', 'gateway', 'dashboard'])

/** Reads `agent_<uuid>_<purpose>`; throws `Problem('invalid_tunnel_id')`. */
export function parseTunnelId(text: string): TunnelId {
  const fail = (rule: string): never => {
    throw new Problem('invalid_tunnel_id', `tunnel id ${quote(text)} ${rule}; it is agent_<uuid>_<purpose>`)
  }
  if (!text.startsWith('agent_')) return fail('does not begin with agent_')
  const uuid = text.slice(6, 42).toLowerCase()
  if (!UUID_WHOLE.test(uuid)) return fail('holds no uuid after agent_')
  if (text[42] !== '_') return fail('has no _ after its uuid')
  const purpose = text.slice(43)
  if (purpose.length > LONGEST_PURPOSE)
    return fail(`has a purpose of more than ${LONGEST_PURPOSE} characters`)
  if (!WORD.test(purpose)) return fail("has a purpose other than a-z 0-9 -, neither first nor last a '-'")
  return made(uuid, purpose)
}

/** The id of these parts; throws `Problem('invalid_tunnel_id')`. */
export function formatTunnelId(uuid: string, purpose: string): TunnelId {
  return parseTunnelId(`agent_${uuid}_${purpose}`)
}

/** `<purpose>-<uuid>`: at most 61 characters, one label of a host name. */
export function hostLabel({ uuid, purpose }: Pick<TunnelId, 'uuid' | 'purpose'>): string {
  return `${purpose}-${uuid}`
}

/** The id that a host's label stands for, or undefined where it is none and so may be a name. */
export function parseHostLabel(label: string): TunnelId | undefined {
  const lower = label.toLowerCase()
  const uuid = lower.slice(-36)
  const purpose = lower.slice(0, -37)
  if (lower.at(-37) !== '-' || !UUID_WHOLE.test(uuid)) return undefined
  if (purpose.length > LONGEST_PURPOSE || !WORD.test(purpose)) return undefined
  return made(uuid, purpose)
}

/** Not parts of the text it was read from, which would be kept as long: a link keeps this for days. */
function made(uuid: string, purpose: string): TunnelId {
  const id = ownText(`agent_${uuid}_${purpose}`)
  return Object.freeze({ id, uuid: id.slice(6, 42), purpose })
}

/** Why `name` cannot be an alias, continuing "name … "; undefined where it can. */
export function nameFault(name: string): string | undefined {
  if (name.length > LONGEST_NAME) return `is longer than ${LONGEST_NAME} characters`
  if (!WORD.test(name)) return "is not made of a-z 0-9 - with neither first nor last a '-'"
  if (UUID_AT_END.test(name)) return 'ends in a uuid, as only the host label of a tunnel id may'
  if (RESERVED_NAMES.has(name)) return 'is reserved'
  return undefined
}

/** Untrusted text in a message: no more of it than helps, and no control characters. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
