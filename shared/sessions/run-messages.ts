/** What travels on a run's stream, see `docs/protocol.md`. Events go the other way, each as one line. */
import { assertNever, ProtocolError } from '../errors.js'
import type { SessionEvent } from './event.js'
import { RunFailure } from './runner.js'
import type { SessionBody } from './session.js'
import type { Turn } from './store.js'

export const RUN_TARGET = '/execute'
/** Trailer of a run that failed: `{code, message}`. */
const RUN_ERROR = 'gw-run-error'

/** Names of capabilities. */
export const EXECUTE = 'execute'
export const RESUMABLE = 'resumable'

/** From the gateway: `run`, `history` …, `begin`, then the others. */
export type RunMessage =
  | {
      readonly type: 'run'
      readonly run_id: string
      readonly session: SessionBody
      readonly user_input: string
      readonly context: Readonly<Record<string, unknown>>
      readonly max_iterations: number
      readonly turns: readonly Turn[]
      readonly resumed: boolean
    }
  | { readonly type: 'history'; readonly events: readonly SessionEvent[] }
  | { readonly type: 'begin' }
  | { readonly type: 'input'; readonly data: unknown }
  | { readonly type: 'cancel'; readonly reason: string }

export const runLine = (message: RunMessage): Buffer => Buffer.from(`${JSON.stringify(message)}\n`)

/** Of events that are JSON texts already. */
export const historyLine = (events: readonly string[]): Buffer =>
  Buffer.from(`{"type":"history","events":[${events.join(',')}]}\n`)

/** The gateway is trusted as to the members. @throws ProtocolError */
export function readRunMessage(line: string): RunMessage {
  const message = JSON.parse(line) as RunMessage
  switch (message.type) {
    case 'run':
    case 'history':
    case 'begin':
    case 'input':
    case 'cancel':
      return message
    default:
      return unknownMessage(message)
  }
}

function unknownMessage(message: never): never {
  const { type } = (message as { type?: unknown } | null) ?? {}
  if (typeof type === 'string')
    throw new ProtocolError(`a run's stream knows no message ${JSON.stringify(type)}`)
  return assertNever(message)
}

/** Fields are bytes: other characters are escaped. */
export function failureTrailers({ code, message }: RunFailure): string[] {
  const json = JSON.stringify({ code, message })
  return [
    RUN_ERROR,
    json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  ]
}

/** Undefined where the run did not fail. */
export function readFailure(trailers: readonly string[]): RunFailure | undefined {
  for (let i = 0; i < trailers.length; i += 2) {
    if (trailers[i] !== RUN_ERROR) continue
    try {
      const { code, message } = JSON.parse(trailers[i + 1]!) as { code: unknown; message: unknown }
      if (typeof code === 'string' && typeof message === 'string') return new RunFailure(code, message)
    } catch {
      // Told below.
    }
    return new RunFailure('agent_error', `the agent's ${RUN_ERROR} is not {code, message}`)
  }
  return undefined
}
