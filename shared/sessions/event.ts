/** One recorded event of a session, as it is stored and sent. */
import { iso } from './session.js'

/** What a run may yield, and what the engine adds: `done`. */
const RECORDED_TYPES = [
  'text',
  'tool_call',
  'tool_result',
  'status',
  'auth_required',
  'work_product',
  'input_required',
  'error',
  'iteration_end',
  'done',
] as const

export type RecordedType = (typeof RECORDED_TYPES)[number]
/** `session_info`, `pong` and a refusal's `error` are said on a stream and recorded nowhere. */
export type EventType = RecordedType | 'session_info' | 'pong'

/** As on the wire. */
export interface SessionEvent {
  readonly type: EventType
  readonly data: Readonly<Record<string, unknown>>
  /** ISO 8601, UTC. */
  readonly timestamp: string
  readonly seq?: number
  readonly run_id?: string
}

/** Written once: stores and streams pass `json` on as it is. */
export interface StoredEvent {
  readonly seq: number
  readonly type: EventType
  readonly runId: string | null
  /** A `SessionEvent`. */
  readonly json: string
  /** Of `json` as UTF-8. */
  readonly bytes: number
}

export function storedEvent(
  type: EventType,
  data: unknown,
  { at, seq, runId }: { at: number; seq: number; runId: string | null },
): StoredEvent {
  const json = JSON.stringify({
    type,
    data,
    timestamp: iso(at),
    seq,
    ...(runId === null ? {} : { run_id: runId }),
  })
  return { seq, type, runId, json, bytes: Buffer.byteLength(json) }
}

export const parseEvent = (event: StoredEvent): SessionEvent => JSON.parse(event.json) as SessionEvent

/** `data` of a run's `done`. `reason` stands where no `error` said it before: `interrupted`. */
export interface DoneData {
  readonly run_id: string
  readonly status: 'completed' | 'cancelled' | 'failed'
  /** The run's `text` joined. */
  readonly output: string
  readonly output_truncated?: true
  readonly usage?: Readonly<Record<string, unknown>>
  readonly reason?: string
}
