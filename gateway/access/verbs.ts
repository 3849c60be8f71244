/** Tokens and devices for commands of the same user, who may do everything; over the control socket or without. */
import { Problem } from '../../shared/errors.js'
import type { Verbs } from '../control/verbs.js'
import type { Credentials } from './credentials.js'
import type { Pairings } from './devices.js'
import { shownDevice } from './devices-api.js'
import { parseGrant } from './grant.js'
import type { CredentialRecord } from './store.js'

export interface AccessVerbsParts {
  readonly credentials: Credentials
  /** Undefined without a gateway: pairing codes live in it. */
  readonly pairings: Pairings | undefined
}

/** 100 years, so that dates stay dates. */
export const LONGEST_LIFE_MS = 100 * 365 * 86_400_000
const LONGEST_NOTE = 200

/** A function: the store is opened when a verb is asked. */
export function accessVerbs(parts: () => AccessVerbsParts): Verbs {
  const pairings = (): Pairings => {
    const found = parts().pairings
    if (found === undefined)
      throw new Problem('conflict', 'no gateway runs here, and pairing codes live in one')
    return found
  }
  return {
    'token.create': ({ expires_in_ms: life, note = '', ...grant }) => {
      const { text, record } = parts().credentials.issue({
        kind: 'token',
        grant: parseGrant(grant, ['operator.write']),
        label: noteOf(note),
        expiresAt: life === undefined ? undefined : Date.now() + lifeOf(life),
      })
      return { token: text, ...shownToken(record) }
    },
    'token.list': () => ({ tokens: parts().credentials.list('token').map(shownToken) }),
    'token.revoke': ({ id }) => shownToken(parts().credentials.revoke('token', String(id))),
    'device.list': () => ({ devices: parts().credentials.list('device').map(shownDevice) }),
    'device.approve': ({ code, ...asked }) => {
      const grant = parseGrant(asked, ['operator.read'])
      const name = pairings().approve(String(code), grant)
      return { name, ...grant }
    },
    'device.reject': ({ code }) => ({ name: pairings().reject(String(code)) }),
  }
}

/** A token as lists show it; times in ISO 8601. */
export interface ShownToken {
  readonly id: string
  readonly role: string
  readonly scopes: readonly string[]
  readonly tunnels: readonly string[]
  readonly public: boolean
  readonly note: string
  readonly created_at: string
  readonly expires_at: string | null
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

function shownToken(record: CredentialRecord): ShownToken {
  const { id, grant, label, createdAt, expiresAt, lastUsedAt, revokedAt } = record
  const { role, scopes, tunnels } = grant
  return {
    id,
    role,
    scopes,
    tunnels,
    public: grant.public,
    note: label,
    created_at: new Date(createdAt).toISOString(),
    expires_at: iso(expiresAt),
    last_used_at: iso(lastUsedAt),
    revoked_at: iso(revokedAt),
  }
}

const iso = (time: number | undefined): string | null =>
  time === undefined ? null : new Date(time).toISOString()

function lifeOf(life: unknown): number {
  if (typeof life === 'number' && life > 0 && life <= LONGEST_LIFE_MS) return Math.round(life)
  throw new Problem('bad_request', `expires_in_ms is no number of ms up to ${LONGEST_LIFE_MS}`)
}

function noteOf(note: unknown): string {
  if (typeof note === 'string' && note.length <= LONGEST_NOTE && !/[\u0000-\u001f\u007f]/.test(note))
    return note
  throw new Problem('bad_request', `note is no line of at most ${LONGEST_NOTE} characters`)
}
