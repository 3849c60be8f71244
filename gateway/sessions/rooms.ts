/** What the faces of the sessions share: the engine, and who asks. */
import { Problem } from '../../shared/errors.js'
import type { Sessions } from '../../shared/sessions/engine.js'
import type { SessionPrincipal } from '../../shared/sessions/session.js'
import { holds, type Principal } from '../access/principal.js'
import type { ApiRequest } from '../api/request.js'

export interface SessionRooms {
  readonly sessions: Sessions
  /** Milliseconds: how often a WebSocket is pinged, and how long it may be silent after that. */
  readonly pingInterval: number
  readonly pingTimeout: number
  /** Calls `ended` when the credential behind a stream is no more. @returns what takes that back. */
  watch(principal: Principal, ended: () => void): () => void
}

/** @throws Problem `unauthorized`: no session is anybody's. */
export function principalOf({ principal }: ApiRequest): Principal {
  if (principal === undefined) throw new Problem('unauthorized', 'sessions need a credential')
  return principal
}

export const ownerOf = (principal: Principal): SessionPrincipal => ({
  id: principal.id,
  admin: holds(principal, 'operator.admin'),
  tunnels: principal.tunnels,
})

/** Whose caller has left. Where it is over, or its session is, there is nothing to cancel. */
export function cancelQuietly(
  sessions: Sessions,
  owner: SessionPrincipal,
  sessionId: string,
  runId: string,
): void {
  try {
    sessions.cancel(owner, sessionId, runId)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
}

/** Of a repeated parameter the last counts. */
export const queryOf = ({ query }: ApiRequest): Record<string, string> => Object.fromEntries(query)
