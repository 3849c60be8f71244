/**
 * An agent's `execute` function, called: the same for a run that came through a tunnel and for one of this process,
 * so that both give the same events.
 */
import { MAX_EVENT } from './bounds.js'
import type { SessionEvent } from './event.js'
import { RunFailure } from './runner.js'
import type { SessionBody } from './session.js'
import type { Turn } from './store.js'

/** What `execute` is given. */
export interface Execution {
  readonly runId: string
  /** As on the wire, and its members in camelCase. */
  readonly session: SessionBody & ExecutionSession
  readonly userInput: string
  readonly context: Readonly<Record<string, unknown>>
  readonly maxIterations: number
  /** The session's recorded events, oldest first. */
  readonly history: readonly SessionEvent[]
  /** What was asked in earlier runs, oldest first: `{run_id, user_input}`. */
  readonly turns: readonly Turn[]
  /** An agent that served this run is gone; `history` ends with what it yielded. */
  readonly resumed: boolean
  /** Fires when the run is cancelled, or nobody is left to run it for. */
  readonly signal: AbortSignal
  /** What callers say to this run. */
  readonly input: AsyncIterable<unknown>
}

export interface ExecutionSession {
  readonly sessionId: string
  readonly userId: string
  readonly workspaceDir: string | null
  readonly createdAt: string
  readonly tunnelId: string | null
}

/**
 * Mostly an async generator. Each thing it yields is an event, `{type, data}`; what it returns may hold `usage`;
 * what it throws fails the run.
 */
export type ExecuteFunction = (execution: Execution) => unknown

export const executionSession = (session: SessionBody): SessionBody & ExecutionSession => ({
  ...session,
  sessionId: session.session_id,
  userId: session.user_id,
  workspaceDir: session.workspace_dir,
  createdAt: session.created_at,
  tunnelId: session.tunnel_id,
})

/** What the function yields, as JSON texts. @throws RunFailure */
export async function* linesOf(
  execute: ExecuteFunction,
  execution: Execution,
): AsyncGenerator<string, void, undefined> {
  const steps = await guarded(async () => iteratorOf(await execute(execution)))
  let over = steps === undefined
  try {
    while (!over) {
      const step = await guarded(() => steps!.next())
      over = step.done === true
      if (!over) yield lineOf(step.value)
      else if (usageOf(step.value) !== undefined)
        yield lineOf({ type: 'done', data: { usage: usageOf(step.value) } })
    }
  } finally {
    // It was told to stop: its own `finally` blocks have their turn.
    if (!over) await guarded(async () => steps!.return?.())
  }
}

type Steps = AsyncIterator<unknown> | Iterator<unknown>

function iteratorOf(result: unknown): Steps | undefined {
  if (result === undefined || result === null) return undefined
  if (typeof result === 'object') {
    if (Symbol.asyncIterator in result) return (result as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    if (Symbol.iterator in result) return (result as Iterable<unknown>)[Symbol.iterator]()
  }
  throw new TypeError(`execute returned ${nameOf(result)}; it must be an async generator`)
}

function lineOf(value: unknown): string {
  if (typeof value !== 'object' || value === null)
    throw new RunFailure('agent_error', `the agent yielded ${nameOf(value)}; it must yield {type, data}`)
  let line: string | undefined
  try {
    line = JSON.stringify(value)
  } catch (error) {
    throw new RunFailure('agent_error', `the agent yielded what is no JSON: ${messageOf(error)}`)
  }
  if (line === undefined) throw new RunFailure('agent_error', 'the agent yielded what is no JSON')
  if (Buffer.byteLength(line) > MAX_EVENT)
    throw new RunFailure('agent_error', `the agent yielded an event of more than ${MAX_EVENT} bytes`)
  return line
}

function usageOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'usage' in value ? value.usage : undefined
}

async function guarded<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new RunFailure('agent_error', messageOf(error), { cause: error })
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error)
  return message.slice(0, 4096)
}

const nameOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
