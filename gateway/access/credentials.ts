/** Tokens and devices as they are checked: all of them in memory, found by the hash of what is presented. */
import { Problem } from '../../shared/errors.js'
import type { Endings } from './endings.js'
import type { Grant } from './grant.js'
import type { Holder } from './holders.js'
import type { Principal } from './principal.js'
import type { CredentialRecord, CredentialStore } from './store.js'
import { type CredentialKind, newSecret } from './tokens.js'

/** One for each of the 15,000 connections that a gateway holds, and as many again that are not connected. */
const MAX_CREDENTIALS = 32_768

/** What was used is written this often, in ms. */
const USED_EVERY = 60_000

/** Writes of that kind in one turn: a few ms; the rest waits for the next. */
const MOST_USED_AT_ONCE = 256

/** What ended stays in lists for this long. */
const REMEMBERED = 30 * 86_400_000

/** A secret, told once. */
export interface Issued {
  readonly text: string
  readonly record: CredentialRecord
}

export interface NewCredential {
  readonly kind: CredentialKind
  readonly grant: Grant
  readonly label: string
  readonly expiresAt?: number | undefined
}

interface Held {
  readonly record: CredentialRecord
  readonly principal: Principal
  usedAt: number
}

export class Credentials {
  readonly #store: CredentialStore
  readonly #endings: Endings
  readonly #now: () => number
  readonly #byHash = new Map<string, Held>()
  readonly #byId = new Map<string, Held>()
  readonly #used = new Map<string, number>()
  #revision: number
  /** Another process has changed what is not taken up yet. */
  #behind = false

  /** `now`: ms since the epoch. */
  constructor(store: CredentialStore, endings: Endings, now: () => number) {
    this.#store = store
    this.#endings = endings
    this.#now = now
    store.forgetEnded(now() - REMEMBERED)
    store.changedElsewhere()
    this.#revision = store.revision
    for (const record of store.all()) this.#hold(record)
  }

  /** Whose secret has this hash, if it is in force. */
  lookup(kind: CredentialKind, hash: string): Principal | undefined {
    const held = this.#byHash.get(hash)
    if (held === undefined || held.record.kind !== kind) return undefined
    const now = this.#now()
    const { expiresAt } = held.record
    if (expiresAt !== undefined && expiresAt <= now) return undefined
    if (now - held.usedAt >= USED_EVERY) {
      held.usedAt = now
      this.#used.set(held.record.id, now)
    }
    return held.principal
  }

  /** By the id of its principal, `token:ID` or `device:ID`. */
  holder(name: string): Holder | undefined {
    const held = this.#byId.get(name.slice(name.indexOf(':') + 1))
    if (held?.principal.id !== name) return undefined
    return { name, principal: held.principal, fingerprint: fingerprint(held.record) }
  }

  /** @throws Problem `conflict` where there are too many. */
  issue({ kind, grant, label, expiresAt }: NewCredential): Issued {
    if (this.#store.count() >= MAX_CREDENTIALS)
      throw new Problem('conflict', `there are ${MAX_CREDENTIALS} tokens and devices; revoke some`)
    const { id, text, hash } = newSecret(kind)
    const record: CredentialRecord = {
      id,
      kind,
      hash,
      grant,
      label,
      createdAt: this.#now(),
      expiresAt,
      revokedAt: undefined,
      lastUsedAt: undefined,
    }
    this.#store.insert(record)
    this.#takeUp()
    return { text, record }
  }

  /** Oldest first. */
  list(kind: CredentialKind): CredentialRecord[] {
    this.flush()
    return this.#store.all().filter((record) => record.kind === kind)
  }

  /** @throws Problem `not_found`. */
  find(kind: CredentialKind, id: string): CredentialRecord {
    const record = this.#store.find(id)
    if (record?.kind !== kind)
      throw new Problem('not_found', `there is no ${kind} ${JSON.stringify(id.slice(0, 80))}`)
    return record
  }

  /** From now on it opens nothing, and what it opened ends. @throws Problem `not_found`. */
  revoke(kind: CredentialKind, id: string): CredentialRecord {
    this.find(kind, id)
    this.#ending(id, () => this.#store.revoke(kind, id, this.#now()))
    return this.find(kind, id)
  }

  /** As `revoke`, and nothing is remembered of it. @throws Problem `not_found`. */
  remove(kind: CredentialKind, id: string): void {
    this.find(kind, id)
    this.#ending(id, () => this.#store.remove(kind, id))
  }

  /** The same rights by another secret; what the old one opened ends. @throws Problem `not_found`. */
  rotate(kind: CredentialKind, id: string): Issued {
    this.find(kind, id)
    const { text, hash } = newSecret(kind, id)
    this.#store.rehash(id, hash)
    this.#takeUp()
    return { text, record: this.find(kind, id) }
  }

  /** To be called twice a second: takes up what other processes changed, and writes what was used. */
  refresh(): void {
    // A change that could not be read is still to be read: it may be a revocation.
    this.#behind ||= this.#store.changedElsewhere()
    if (this.#behind) this.#takeUp()
    this.#behind = false
    this.flush()
  }

  /** Writes what was used. */
  flush(): void {
    if (this.#used.size === 0) return
    const batch = new Map([...this.#used].slice(0, MOST_USED_AT_ONCE))
    for (const id of batch.keys()) this.#used.delete(id)
    this.#store.touch(batch)
  }

  close(): void {
    this.flush()
    this.#store.close()
  }

  /** Where the store cannot write that it ended, a full disk say, it has ended here all the same, until a restart. */
  #ending(id: string, write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#replace(id, undefined)
      throw error
    }
    this.#takeUp()
  }

  #takeUp(): void {
    const { revision } = this.#store
    const changed = this.#store.changedAfter(this.#revision)
    for (const id of changed ?? this.#all()) this.#replace(id, this.#store.find(id))
    this.#revision = revision
  }

  /** Those of before and those of now. */
  #all(): Set<string> {
    return new Set([...this.#byId.keys(), ...this.#store.all().map(({ id }) => id)])
  }

  /** A credential that did not change keeps its principal, the same object; else that ends. */
  #replace(id: string, record: CredentialRecord | undefined): void {
    const held = this.#byId.get(id)
    if (held !== undefined && record !== undefined && isSame(held.record, record)) return
    if (held !== undefined) {
      this.#byId.delete(id)
      this.#byHash.delete(held.record.hash)
      this.#endings.end(held.principal)
    }
    if (record !== undefined) this.#hold(record)
  }

  #hold(record: CredentialRecord): void {
    if (record.revokedAt !== undefined) return
    const held = { record, principal: principalOf(record), usedAt: record.lastUsedAt ?? 0 }
    this.#byId.set(record.id, held)
    this.#byHash.set(record.hash, held)
  }
}

function isSame(one: CredentialRecord, other: CredentialRecord): boolean {
  return one.revokedAt === other.revokedAt && fingerprint(one) === fingerprint(other)
}

const fingerprint = ({ hash, grant, expiresAt }: CredentialRecord): string =>
  JSON.stringify([hash, grant, expiresAt])

function principalOf({ id, kind, grant, expiresAt }: CredentialRecord): Principal {
  const { role, scopes, tunnels } = grant
  const own = { id: `${kind}:${id}`, expiresAt }
  if (role === 'node')
    return Object.freeze({ ...own, scopes: undefined, node: { patterns: tunnels, public: grant.public } })
  return Object.freeze({
    ...own,
    scopes: new Set(scopes),
    node: undefined,
    tunnels: tunnels.length === 0 ? undefined : tunnels,
  })
}
