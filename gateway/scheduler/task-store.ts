import {
  type Database,
  openDatabase,
  type Row,
  type SqlValue,
  type Statement,
} from '../../shared/store/database.js'
import type { TaskResult } from './task-work.js'

/** `running`, what the run came to, or `interrupted`: the gateway died amid it. */
export type TaskRunStatus = TaskResult['status'] | 'running' | 'interrupted'

export type Cause = 'schedule' | 'manual'

/** One run of a task, as `GET /tasks/:name/runs` shows it. */
export interface TaskRun {
  id: number
  task: string
  /** Whether the clock started it, or somebody. */
  cause: Cause
  status: TaskRunStatus
  exit_code: number | null
  /** Of a request. */
  http_status: number | null
  /** ISO 8601, UTC. */
  started_at: string
  /** Null while it runs, and of one that was interrupted. */
  duration_ms: number | null
  /** The end of what it wrote, or of the answer's body. */
  output: string
  error: string | null
}

const MIGRATIONS = [
  `CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, cause TEXT NOT NULL, status TEXT NOT NULL,
    exit_code INTEGER, http_status INTEGER, started_at INTEGER NOT NULL, duration_ms INTEGER,
    output TEXT NOT NULL DEFAULT '', error TEXT
  );
  CREATE INDEX run_task ON run (task, id);
  CREATE TABLE one_shot (key TEXT PRIMARY KEY, due_at INTEGER NOT NULL, done_at INTEGER);`,
]

/** Of a task; with outputs of 8 KiB that is less than a megabyte. */
const MOST_OF_TASK = 100
/** Of all tasks, also those that no file names any more: less than 40 megabytes. */
const MOST_RUNS = 5000
/** Whose runs are remembered; the oldest could run again if it still stood in a file. */
const MOST_ONE_SHOTS = 10_000

/** What outlives a restart: which one-shots have run, and the last runs of each task. Opened where it is needed. */
export class TaskStore {
  readonly #path: string
  #open: { readonly database: Database; readonly statements: Map<string, Statement> } | undefined

  /** `path`: a file, or `:memory:`. */
  constructor(path: string) {
    this.#path = path
  }

  /** When a one-shot is due: `due` where it is seen for the first time. @returns undefined once it has run. */
  oneShot(key: string, due: number): number | undefined {
    this.#run('INSERT INTO one_shot (key, due_at) VALUES (?, ?) ON CONFLICT DO NOTHING', key, due)
    const row = this.#sql('SELECT due_at, done_at FROM one_shot WHERE key = ?').get(key)!
    return row.done_at === null ? Number(row.due_at) : undefined
  }

  /** It will not run again. */
  markDone(key: string, at: number): void {
    this.#run('UPDATE one_shot SET done_at = ? WHERE key = ?', at, key)
    const last =
      'SELECT key FROM one_shot WHERE done_at IS NOT NULL ORDER BY done_at DESC, key LIMIT -1 OFFSET ?'
    this.#run(`DELETE FROM one_shot WHERE key IN (${last})`, MOST_ONE_SHOTS)
  }

  /** `at`: ms since the epoch. */
  begin(task: string, cause: Cause, at: number): TaskRun {
    const insert = "INSERT INTO run (task, cause, status, started_at) VALUES (?, ?, 'running', ?) RETURNING *"
    const run = runOf(this.#sql(insert).get(task, cause, at)!)
    const ofTask = 'SELECT id FROM run WHERE task = ? ORDER BY id DESC LIMIT -1 OFFSET ?'
    this.#run(`DELETE FROM run WHERE id IN (${ofTask})`, task, MOST_OF_TASK)
    const ofAll = 'SELECT id FROM run ORDER BY id DESC LIMIT -1 OFFSET ?'
    this.#run(`DELETE FROM run WHERE id IN (${ofAll})`, MOST_RUNS)
    return run
  }

  end(id: number, { status, exitCode, httpStatus, output, error }: TaskResult, durationMs: number): void {
    this.#run(
      'UPDATE run SET status = ?, exit_code = ?, http_status = ?, duration_ms = ?, output = ?, error = ? WHERE id = ?',
      status,
      exitCode ?? null,
      httpStatus ?? null,
      durationMs,
      output,
      error ?? null,
      id,
    )
  }

  /** The last `most`, the latest first. */
  runs(task: string, most = MOST_OF_TASK): TaskRun[] {
    return this.#sql('SELECT * FROM run WHERE task = ? ORDER BY id DESC LIMIT ?').all(task, most).map(runOf)
  }

  close(): void {
    this.#open?.database.close()
    this.#open = undefined
  }

  #run(sql: string, ...values: SqlValue[]): void {
    this.#sql(sql).run(...values)
  }

  #sql(sql: string): Statement {
    const { database, statements } = (this.#open ??= this.#opened())
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  #opened(): { database: Database; statements: Map<string, Statement> } {
    const database = openDatabase({ path: this.#path, migrations: MIGRATIONS })
    // Nobody else runs tasks from this directory, so these ended with the process that ran them.
    database.exec("UPDATE run SET status = 'interrupted' WHERE status = 'running'")
    return { database, statements: new Map() }
  }
}

function runOf(row: Row): TaskRun {
  return { ...row, started_at: new Date(Number(row.started_at)).toISOString() } as unknown as TaskRun
}
