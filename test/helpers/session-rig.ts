/** A session engine for one test: a scripted agent, a clock that may stand still, and readers. */
import type { Test } from 'tap'
import type { SessionLimits } from '../../shared/sessions/bounds.js'
import { type Clock, systemClock } from '../../shared/sessions/clock.js'
import { Sessions } from '../../shared/sessions/engine.js'
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { ExecuteFunction } from '../../shared/sessions/execution.js'
import { inProcessRunner } from '../../shared/sessions/in-process.js'
import type { Runner } from '../../shared/sessions/runner.js'
import type { SessionHappening, SessionPrincipal } from '../../shared/sessions/session.js'

export const ALICE: SessionPrincipal = { id: 'token:alice', admin: false }
export const BOB: SessionPrincipal = { id: 'token:bob', admin: false }
export const ADMIN: SessionPrincipal = { id: 'admin', admin: true }

/** Only `advance` moves it; what is due at once is done by the loop, as always. */
export class HeldClock implements Clock {
  #now = Date.UTC(2026, 0, 24, 8)
  #timers: { at: number; work: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, work: () => void): () => void {
    if (ms <= 0) return systemClock.after(0, work)
    const timer = { at: this.#now + ms, work }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = Math.max(this.#now, next.at)
      next.work()
    }
    this.#now = until
  }
}

export interface EngineRig {
  sessions: Sessions
  told: SessionHappening[]
  faults: unknown[]
  /** A new session of `who`. */
  begin(who?: SessionPrincipal): string
  /** Executes, and reads the run to its end. */
  run(id: string, input?: string, who?: SessionPrincipal): Promise<SessionEvent[]>
}

export interface RigOptions {
  execute?: ExecuteFunction
  runner?: Runner
  dataDir?: string
  limits?: Partial<SessionLimits>
  clock?: Clock
}

export function startSessions(t: Test, options: RigOptions): EngineRig {
  const told: SessionHappening[] = []
  const faults: unknown[] = []
  const { execute, runner = inProcessRunner(execute), dataDir, limits = {}, clock = systemClock } = options
  const sessions = new Sessions({
    runner,
    dataDir,
    limits,
    clock,
    tell: (happening) => told.push(happening),
    fault: (error) => faults.push(error),
  })
  t.teardown(() => sessions.close())
  return {
    sessions,
    told,
    faults,
    begin: (who = ALICE) => sessions.create(who, { user_id: 'user_1' }).session_id,
    async run(id, input = 'go', who = ALICE) {
      const { runId, after } = sessions.execute(who, id, { user_input: input })
      return collect(sessions.subscribe(who, id, { after, runId }))
    },
  }
}

export async function collect(events: AsyncIterable<SessionEvent>): Promise<SessionEvent[]> {
  const all: SessionEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

/** What a test compares: types, and what they say. */
export const told = (events: readonly SessionEvent[]): unknown[] =>
  events.map(({ type, data }) => {
    if (type === 'text') return data.text
    if (type === 'done') return [data.status, data.output]
    if (type === 'error') return [data.code, data.message]
    return type
  })
