/**
 * The one door to SQLite: `node:sqlite` where the running Node has it (22.13 and later), else the package `libsql`.
 * Both block the loop while they work: callers batch what they write.
 */
import { chmodSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { makePrivateDirectory } from '../private-directory.js'

export type SqlValue = string | number | null | Uint8Array
export type Row = Record<string, SqlValue>

export interface Statement {
  /** @returns how many rows changed. */
  run(...values: SqlValue[]): number
  get(...values: SqlValue[]): Row | undefined
  all(...values: SqlValue[]): Row[]
}

export interface Database {
  readonly path: string
  prepare(sql: string): Statement
  exec(sql: string): void
  /** All of `work` or nothing: a throw rolls back and goes on. Not to be nested. */
  transaction<T>(work: () => T): T
  close(): void
}

/** No driver is there; the message names the command that helps. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

export interface OpenOptions {
  /** A file, made with mode 0600 in a directory of 0700 where they are missing; or `:memory:`. */
  path: string
  /** One SQL text a step, applied in order, each once (`user_version`). Steps are never changed, only added. */
  migrations: readonly string[]
}

/** What both drivers have in common. */
interface Driver {
  prepare(sql: string): {
    run(...values: SqlValue[]): { changes: number | bigint }
    get(...values: SqlValue[]): unknown
    all(...values: SqlValue[]): unknown[]
  }
  exec(sql: string): void
  close(): void
}

type DriverClass = new (path: string) => Driver

/** @throws StoreError where no driver loads, the file is newer than this program, or SQLite refuses it. */
export function openDatabase({ path, migrations }: OpenOptions): Database {
  const Driver = driverClass()
  if (path !== ':memory:') makePrivateDirectory(dirname(path))
  const driver = new Driver(path)
  try {
    if (path !== ':memory:') chmodSync(path, 0o600)
    driver.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL')
    driver.prepare('PRAGMA journal_mode = WAL').get()
    const database = new Sqlite(path, driver)
    migrate(database, migrations)
    return database
  } catch (error) {
    driver.close()
    throw error instanceof StoreError
      ? error
      : new StoreError(`${path}: ${(error as Error).message}`, { cause: error })
  }
}

function driverClass(): DriverClass {
  const require = createRequire(import.meta.url)
  try {
    return (withoutWarning(() => require('node:sqlite')) as { DatabaseSync: DriverClass }).DatabaseSync
  } catch {
    try {
      return require('libsql') as DriverClass
    } catch (cause) {
      throw new StoreError(
        `Node ${process.version} has no SQLite of its own: npm install libsql, or use Node 22.13 or later`,
        { cause },
      )
    }
  }
}

/** Node 22 calls its SQLite experimental in a warning on stderr; where it is used that helps nobody. */
function withoutWarning<T>(work: () => T): T {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return work()
  } finally {
    process.emitWarning = emitWarning
  }
}

function migrate(database: Database, migrations: readonly string[]): void {
  // Two processes may open a new file at once: the second waits, then finds the work done.
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()!.user_version)
    if (version > migrations.length)
      throw new StoreError(`${database.path} was written by a newer version of this program`)
    for (const step of migrations.slice(version)) database.exec(step)
    if (version < migrations.length) database.exec(`PRAGMA user_version = ${migrations.length}`)
    database.exec('COMMIT')
  } catch (error) {
    rollback(database)
    throw error
  }
}

/** A full disk has ended the transaction by itself, and why is what the caller has to hear. */
function rollback(connection: Pick<Database, 'exec'>): void {
  try {
    connection.exec('ROLLBACK')
  } catch {
    // There is none.
  }
}

class Sqlite implements Database {
  readonly path: string
  readonly #driver: Driver

  constructor(path: string, driver: Driver) {
    this.path = path
    this.#driver = driver
  }

  prepare(sql: string): Statement {
    const statement = this.#driver.prepare(sql)
    return {
      run: (...values) => Number(statement.run(...values).changes),
      get: (...values) => plain(statement.get(...values)),
      all: (...values) => statement.all(...values).map((row) => plain(row)!),
    }
  }

  exec(sql: string): void {
    this.#driver.exec(sql)
  }

  transaction<T>(work: () => T): T {
    this.#driver.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#driver.exec('COMMIT')
      return result
    } catch (error) {
      rollback(this.#driver)
      throw error
    }
  }

  close(): void {
    this.#driver.close()
  }
}

/** libsql adds `_metadata` to what `get` finds. */
function plain(row: unknown): Row | undefined {
  if (row === undefined || row === null) return undefined
  const { _metadata, ...columns } = row as Row
  return columns
}
