/** New sessions: within their owner's bounds, and one a key. */
import { createHash } from 'node:crypto'
import { Problem } from '../errors.js'
import type { SessionLimits } from './bounds.js'
import type { Clock } from './clock.js'
import { type CreateBody, check, createBody, idempotencyKey } from './schemas.js'
import { newSessionId, type SessionPrincipal, type SessionRecord } from './session.js'
import type { SessionStore } from './store.js'

type Key =
  | { readonly kind: 'new'; readonly name: string; readonly fingerprint: string }
  | { readonly kind: 'used'; readonly record: SessionRecord }

export class Creation {
  readonly #store: SessionStore
  readonly #clock: Clock
  readonly #limits: SessionLimits

  constructor(store: SessionStore, clock: Clock, limits: SessionLimits) {
    this.#store = store
    this.#clock = clock
    this.#limits = limits
  }

  /**
   * `made` false: it was there already, made by the same key.
   * @throws Problem `bad_request`, `conflict` for a key that has another body or whose session is gone, `overloaded`.
   */
  create(
    who: SessionPrincipal,
    body: unknown,
    keyName: string | undefined,
  ): { record: SessionRecord; made: boolean } {
    const asked = check(createBody, body, 'session')
    const key = keyName === undefined ? undefined : this.#key(who, keyName, asked)
    if (key?.kind === 'used') return { record: key.record, made: false }
    this.#checkCount(who)
    const now = this.#clock.now()
    const session = {
      id: newSessionId(),
      owner: who.id,
      userId: asked.user_id,
      agent: asked.agent ?? null,
      createdAt: now,
      workspaceDir: asked.workspace_dir ?? null,
      metadata: asked.metadata ?? {},
      status: 'idle' as const,
      tunnelId: null,
      lastActiveAt: now,
      firstSeq: 1,
      lastSeq: 0,
      bytes: 0,
    }
    return { record: this.#store.insert(session, key && { ...key, sessionId: session.id }), made: true }
  }

  #key(who: SessionPrincipal, given: string, asked: CreateBody): Key {
    const name = check(idempotencyKey, given, 'Idempotency-Key')
    const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest('base64')
    const kept = this.#store.key(who.id, name)
    if (kept === undefined) return { kind: 'new', name, fingerprint }
    const quoted = JSON.stringify(name)
    if (kept.fingerprint !== fingerprint)
      throw new Problem('conflict', `the Idempotency-Key ${quoted} was used with another body`)
    const record = this.#store.get(kept.sessionId)
    if (record === undefined)
      throw new Problem('conflict', `the session of the Idempotency-Key ${quoted} is gone`)
    return { kind: 'used', record }
  }

  #checkCount(who: SessionPrincipal): void {
    const { maxSessions } = this.#limits
    if (who.admin || maxSessions === 0 || this.#store.usage(who.id).sessions < maxSessions) return
    throw new Problem('overloaded', `${maxSessions} sessions are the most that one may have; delete some`)
  }
}
