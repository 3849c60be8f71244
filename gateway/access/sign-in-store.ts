/** Sign-ins of the dashboard in `access.db`, on a connection of their own: nothing here waits for another writer. */
import type { Database, Statement } from '../../shared/store/database.js'
import { accessFile, openAccess } from './database.js'

export interface KeptSignIn {
  /** SHA-256 of the cookie's value, base64. */
  readonly hash: string
  /** `root`, `password`, `token:ID` or `device:ID`. */
  readonly holder: string
  /** That the holder's credential is still the one by which it was made; see `proofOf`. */
  readonly proof: string
  /** ms since the epoch. */
  readonly until: number
}

export class SignInStore {
  /** For the password: the same for every gateway on this directory, and after a restart. */
  readonly salt: Buffer
  readonly #database: Database
  readonly #version: Statement
  readonly #revision: Statement
  readonly #all: Statement
  #seenVersion: number | undefined
  /** Of `all`; undefined once something was written here, which others may have undone. */
  #seenRevision: string | undefined

  /** @throws StoreError. */
  static open(dataDir: string): SignInStore {
    return new SignInStore(accessFile(dataDir))
  }

  /** `path`: a file or `:memory:`. */
  constructor(path: string) {
    this.#database = openAccess(path)
    this.#database.exec('PRAGMA busy_timeout = 0')
    this.#version = this.#database.prepare('PRAGMA data_version')
    // Rows are never changed and their numbers never given again: what others changed since `all` shows in these two.
    this.#revision = this.#database.prepare('SELECT count(*) AS rows, ifnull(max(n), 0) AS last FROM sign_in')
    this.#all = this.#database.prepare(
      'SELECT * FROM (SELECT * FROM sign_in ORDER BY n DESC LIMIT ?) ORDER BY n',
    )
    this.salt = Buffer.from(String(this.#database.prepare('SELECT hex FROM password_salt').get()!.hex), 'hex')
  }

  /** Whether others wrote what `all` would tell. Cheap. @throws Error of the driver. */
  changedElsewhere(): boolean {
    const version = Number(this.#version.get()!.data_version)
    if (version === this.#seenVersion) return false
    const changed = this.#seenVersion === undefined || this.#currentRevision() !== this.#seenRevision
    this.#seenVersion = version
    return changed
  }

  /** The newest `most`, oldest first. @throws Error of the driver. */
  all(most: number): KeptSignIn[] {
    // First: what changes between the two is then read once more, not passed over.
    this.#seenRevision = this.#currentRevision()
    return this.#all.all(most).map(({ hash, holder, proof, until }) => ({
      hash: String(hash),
      holder: String(holder),
      proof: String(proof),
      until: Number(until),
    }))
  }

  /**
   * All of it or nothing, and of all rows the newest `most` stay. @throws Error of the driver, at once: also where
   * another connection writes.
   */
  write(came: Iterable<KeptSignIn>, gone: Iterable<string>, most: number): void {
    this.#seenRevision = undefined
    this.#database.transaction(() => {
      const insert = this.#database.prepare(
        // What failed late may have been written all the same.
        'INSERT OR IGNORE INTO sign_in (hash, holder, proof, until) VALUES (?, ?, ?, ?)',
      )
      for (const { hash, holder, proof, until } of came) insert.run(hash, holder, proof, until)
      const remove = this.#database.prepare('DELETE FROM sign_in WHERE hash = ?')
      for (const hash of gone) remove.run(hash)
      this.#database
        .prepare('DELETE FROM sign_in WHERE n <= (SELECT n FROM sign_in ORDER BY n DESC LIMIT 1 OFFSET ?)')
        .run(most)
    })
  }

  close(): void {
    this.#database.close()
  }

  #currentRevision(): string {
    const { rows, last } = this.#revision.get()!
    return `${rows} ${last}`
  }
}
