/** Tokens and devices in `access.db`. */
import type { Database, Row, Statement } from '../../shared/store/database.js'
import { accessFile, openAccess } from './database.js'
import { type Grant, isScope, type Role } from './grant.js'
import type { CredentialKind } from './tokens.js'

/** Times in ms since the epoch. */
export interface CredentialRecord {
  readonly id: string
  readonly kind: CredentialKind
  /** SHA-256 of the whole text, base64. */
  readonly hash: string
  readonly grant: Grant
  /** A token's note, a device's name. */
  readonly label: string
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  readonly lastUsedAt: number | undefined
}

const SELECT = 'SELECT credential.*, used.at AS used_at FROM credential LEFT JOIN used USING (id)'

export class CredentialStore {
  readonly #database: Database
  readonly #version: Statement
  readonly #revision: Statement
  readonly #find: Statement
  readonly #touch: Statement
  #seen: number | undefined

  /** @throws StoreError. */
  static open(dataDir: string): CredentialStore {
    return new CredentialStore(accessFile(dataDir))
  }

  /** `path`: a file or `:memory:`. */
  constructor(path: string) {
    this.#database = openAccess(path)
    this.#version = this.#database.prepare('PRAGMA data_version')
    this.#revision = this.#database.prepare('SELECT ifnull(max(n), 0) AS n FROM change')
    this.#find = this.#database.prepare(`${SELECT} WHERE id = ?`)
    this.#touch = this.#database.prepare(
      `INSERT INTO used (id, at) SELECT id, ? FROM credential WHERE id = ?
        ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE at < excluded.at`,
    )
  }

  /** Whether another connection wrote since this was last asked. Cheap. */
  changedElsewhere(): boolean {
    const version = Number(this.#version.get()!.data_version)
    const changed = this.#seen !== undefined && version !== this.#seen
    this.#seen = version
    return changed
  }

  /** The number of the last change; 0 before the first. */
  get revision(): number {
    return Number(this.#revision.get()!.n)
  }

  /** The ids of what changed after a revision, each once; undefined where that is too long ago to be told. */
  changedAfter(revision: number): string[] | undefined {
    const oldest = this.#database.prepare('SELECT min(n) AS n FROM change').get()!.n
    if (oldest !== null && Number(oldest) > revision + 1) return undefined
    const rows = this.#database.prepare('SELECT DISTINCT id FROM change WHERE n > ?').all(revision)
    return rows.map(({ id }) => String(id))
  }

  /** Oldest first. */
  all(): CredentialRecord[] {
    return this.#database.prepare(`${SELECT} ORDER BY created_at, credential.rowid`).all().map(record)
  }

  find(id: string): CredentialRecord | undefined {
    const row = this.#find.get(id)
    return row && record(row)
  }

  count(): number {
    return Number(this.#database.prepare('SELECT count(*) AS n FROM credential').get()!.n)
  }

  insert({ id, kind, hash, grant, label, createdAt, expiresAt }: CredentialRecord): void {
    this.#database
      .prepare(
        `INSERT INTO credential
          (id, kind, hash, role, scopes, tunnels, public, label, created_at, expires_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        kind,
        hash,
        grant.role,
        grant.scopes.join(' '),
        grant.tunnels.join(' '),
        grant.public ? 1 : 0,
        label,
        createdAt,
        expiresAt ?? null,
      )
  }

  /** @returns whether it was in force. */
  revoke(kind: CredentialKind, id: string, at: number): boolean {
    const sql = 'UPDATE credential SET revoked_at = ? WHERE id = ? AND kind = ? AND revoked_at IS NULL'
    return this.#database.prepare(sql).run(at, id, kind) > 0
  }

  /** Another secret in place of the one that it had. */
  rehash(id: string, hash: string): void {
    this.#database.prepare('UPDATE credential SET hash = ? WHERE id = ?').run(hash, id)
  }

  /** @returns whether it was there. */
  remove(kind: CredentialKind, id: string): boolean {
    return this.#database.prepare('DELETE FROM credential WHERE id = ? AND kind = ?').run(id, kind) > 0
  }

  /** Forgets what ended before `time`. */
  forgetEnded(time: number): void {
    this.#database
      .prepare('DELETE FROM credential WHERE min(ifnull(revoked_at, ?1), ifnull(expires_at, ?1)) < ?1')
      .run(time)
  }

  /** When credentials were last used, by id; those that are gone are passed over. */
  touch(used: ReadonlyMap<string, number>): void {
    this.#database.transaction(() => {
      for (const [id, at] of used) this.#touch.run(at, id)
    })
  }

  close(): void {
    this.#database.close()
  }
}

const words = (text: unknown): string[] => String(text).split(' ').filter(Boolean)
const time = (value: unknown): number | undefined => (value === null ? undefined : Number(value))

function record(row: Row): CredentialRecord {
  return {
    id: String(row.id),
    kind: row.kind as CredentialKind,
    hash: String(row.hash),
    grant: {
      role: row.role as Role,
      scopes: words(row.scopes).filter(isScope),
      tunnels: words(row.tunnels),
      public: row.public === 1,
    },
    label: String(row.label),
    createdAt: Number(row.created_at),
    expiresAt: time(row.expires_at),
    revokedAt: time(row.revoked_at),
    lastUsedAt: time(row.used_at),
  }
}
