/** The runs of all sessions: accepted, queued, started one by one, and what is recorded and told of them. */
import { Problem } from '../errors.js'
import type { SessionLimits } from './bounds.js'
import { PAGE_BYTES, PAGE_EVENTS } from './bounds.js'
import type { Clock } from './clock.js'
import type { RecordedType } from './event.js'
import type { EventLog } from './event-log.js'
import type { Live, LiveSessions } from './live-sessions.js'
import { Run, type RunFacts, type RunHost, type RunStatus } from './run.js'
import type { Runner } from './runner.js'
import type { ExecuteBody } from './schemas.js'
import {
  newRunId,
  type SessionHappening,
  type SessionPrincipal,
  type SessionRecord,
  sessionBody,
} from './session.js'
import type { SessionStore } from './store.js'

export interface RunsParts {
  readonly runner: Runner
  readonly store: SessionStore
  readonly clock: Clock
  readonly log: EventLog
  readonly live: LiveSessions
  readonly limits: SessionLimits
  tell(happening: SessionHappening): void
}

export class Runs {
  readonly #parts: RunsParts
  /** Runs not over, by the owner of their session. */
  readonly #counts = new Map<string, number>()
  #idle: { readonly promise: Promise<void>; readonly done: () => void } | undefined

  constructor(parts: RunsParts) {
    this.#parts = parts
  }

  /** @throws Problem `overloaded` where a bound of the session or its owner is reached. */
  accept(who: SessionPrincipal, record: SessionRecord, body: ExecuteBody): { runId: string; after: number } {
    const { clock, live: sessions, log } = this.#parts
    if (log.failing)
      throw new Problem('overloaded', 'the sessions cannot be written to their store at present')
    if (!who.admin) this.#checkLimits(record.owner)
    const live = sessions.use(record)
    live.runs.check()
    const run = new Run(newRunId(), body, this.#host(live, who))
    const after = record.lastSeq
    live.runs.add(run)
    this.#counts.set(record.owner, (this.#counts.get(record.owner) ?? 0) + 1)
    record.status = 'running'
    record.lastActiveAt = clock.now()
    log.push({ kind: 'run', record, run: { id: run.id, fromSeq: after + 1, input: body.user_input } })
    // What is accepted is in the store: its caller may rely on its `done`.
    log.flush()
    this.#tell('message:received', record, { run_id: run.id })
    this.#next(live)
    return { runId: run.id, after }
  }

  cancel(record: SessionRecord, runId: string): void {
    this.#find(record, runId)?.cancel('the run was cancelled')
  }

  /** @throws Problem `not_found`, `conflict` where the run is over, `overloaded` where it does not read. */
  input(record: SessionRecord, runId: string, data: unknown): void {
    const run = this.#find(record, runId)
    if (run === undefined) throw new Problem('conflict', `run ${runId} is over`)
    run.input.push(data)
  }

  /** Resolves once no run is in flight. */
  idle(): Promise<void> {
    if (this.#counts.size === 0) return Promise.resolve()
    if (this.#idle === undefined) {
      let done = (): void => {}
      const promise = new Promise<void>((resolve) => (done = resolve))
      this.#idle = { promise, done }
    }
    return this.#idle.promise
  }

  /** Undefined where it is over. @throws Problem `not_found` where there was none. */
  #find(record: SessionRecord, runId: string): Run | undefined {
    const run = this.#parts.live.use(record).runs.find(runId)
    if (run !== undefined) return run
    this.#parts.live.release(this.#parts.live.use(record))
    if (this.#parts.store.runDone(record, runId) === undefined)
      throw new Problem('not_found', `this session has no run ${JSON.stringify(runId.slice(0, 80))}`)
    return undefined
  }

  #checkLimits(owner: string): void {
    const { maxRuns, maxStored } = this.#parts.limits
    if (maxRuns > 0 && (this.#counts.get(owner) ?? 0) >= maxRuns)
      throw new Problem('overloaded', `${maxRuns} runs at once are the most that one may have`)
    if (maxStored > 0 && this.#parts.store.usage(owner).bytes >= maxStored)
      throw new Problem(
        'overloaded',
        `${maxStored} bytes of sessions are the most that one may have; delete some`,
      )
  }

  #next(live: Live): void {
    const run = live.runs.current
    run?.start(this.#parts.runner)
  }

  #facts({ record }: Live, who: SessionPrincipal): RunFacts {
    const { store, limits } = this.#parts
    return {
      session: sessionBody(record, limits.ttl),
      agent: record.agent,
      tunnels: who.tunnels,
      turns: store.turns(record),
      history: () => this.#history(record),
      assigned: (tunnelId) => void (record.tunnelId = tunnelId),
    }
  }

  *#history(record: SessionRecord): Generator<string[], void, undefined> {
    const { store, log } = this.#parts
    log.flush()
    const last = record.lastSeq
    for (let after = 0; after < last; ) {
      const page = store.read(record, after, Math.min(PAGE_EVENTS, last - after), PAGE_BYTES)
      if (page.length === 0) return
      after = page.at(-1)!.seq
      yield page.map(({ json }) => json)
    }
  }

  #host(live: Live, who: SessionPrincipal): RunHost {
    const { clock, log } = this.#parts
    return {
      clock,
      facts: () => this.#facts(live, who),
      record: (type, data, run) => {
        live.journal.append(type, data, run.id)
        this.#tellTool(type, data as Record<string, unknown>, live.record, run)
      },
      room: () => log.room(),
      over: (run, status, code) => this.#over(live, run, status, code),
    }
  }

  #over(live: Live, run: Run, status: RunStatus, code: string | undefined): void {
    const { record, runs } = live
    runs.delete(run)
    const left = this.#counts.get(record.owner)! - 1
    if (left > 0) this.#counts.set(record.owner, left)
    else this.#counts.delete(record.owner)
    record.lastActiveAt = this.#parts.clock.now()
    if (runs.size === 0) record.status = 'idle'
    if (status === 'completed') this.#tell('message:sent', record, { run_id: run.id })
    else if (status === 'cancelled') this.#tell('message:cancelled', record, { run_id: run.id })
    else this.#tell('request:error', record, { run_id: run.id, code })
    this.#next(live)
    if (this.#counts.size === 0) {
      this.#idle?.done()
      this.#idle = undefined
    }
  }

  #tellTool(type: RecordedType, data: Record<string, unknown>, record: SessionRecord, run: Run): void {
    if (type === 'tool_call')
      this.#tell('tool:start', record, { run_id: run.id, id: data.id, name: data.name })
    if (type !== 'tool_result') return
    const told = { run_id: run.id, id: data.tool_call_id }
    this.#tell(data.is_error === true ? 'tool:error' : 'tool:end', record, told)
  }

  #tell(type: SessionHappening['type'], record: SessionRecord, data: Record<string, unknown>): void {
    const { id: sessionId, userId, tunnelId } = record
    this.#parts.tell({ type, sessionId, userId, tunnelId: tunnelId ?? undefined, data })
  }
}
