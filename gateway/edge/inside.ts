/** Requests that the gateway itself sends: those of tasks, and replays. They go the way of everybody's. */
import { Problem } from '../../shared/errors.js'
import type { Edge, Replay } from './edge.js'
import type { Pass } from './gate.js'
import { type InternalAnswer, InternalCaller, type InternalRequest } from './internal-caller.js'

/** Bytes of an answer that are kept. */
const KEPT = 64 * 1024

export interface PlainRequest {
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body?: string | undefined
}

/** Resolves with the beginning of the answer's body. Rejects where `signal` fires before the end. */
export async function sendInside(
  edge: Edge,
  pass: Pass,
  { method, path, headers, body = '' }: PlainRequest,
  signal: AbortSignal,
): Promise<{ status: number; body: Buffer }> {
  const fields = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  const caller = new InternalCaller({ method, target: path, headers: fields, body: Buffer.from(body) }, KEPT)
  const leave = (): void => caller.leave()
  signal.addEventListener('abort', leave)
  try {
    edge.inside(caller, pass)
    const answer = await caller.answer
    signal.throwIfAborted()
    if (!answer.complete) throw new Problem('agent_error', 'the answer was cut off')
    return answer
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

export function replayInside(
  edge: Edge,
  pass: Pass,
  request: InternalRequest,
  replay: Replay,
): { requestId: string; answer: Promise<InternalAnswer> } {
  const caller = new InternalCaller(request, 0)
  const requestId = edge.inside(caller, pass, replay)
  return { requestId, answer: caller.answer }
}
