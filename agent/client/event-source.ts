/** The events of one answer that streams them (`text/event-stream`). */

import { MAX_RUN_LINE } from '../../shared/sessions/bounds.js'
import type { SessionEvent } from '../../shared/sessions/event.js'
import { eventOf, LineReader } from '../../shared/sessions/lines.js'
import { GatewayError } from './gateway-error.js'

/** Milliseconds without a byte after which the connection counts as dead: the gateway says something every 15 s. */
const SILENCE = 45_000
const DATA = 'data: '

/**
 * Yields those of each piece together. Ends with the answer.
 * @param connection is aborted where nothing is heard any more
 * @param heard is called for each piece, also for one without an event
 */
export async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  connection: AbortController,
  heard: () => void,
): AsyncGenerator<readonly SessionEvent[], void, undefined> {
  const lines = new LineReader(MAX_RUN_LINE)
  const dead = (): void => connection.abort(new Error(`nothing was heard for ${SILENCE} ms`))
  let timer: NodeJS.Timeout | undefined
  try {
    for (const reader = body.getReader(); ; ) {
      // While its reader is busy with what came before, nothing can be heard.
      timer = setTimeout(dead, SILENCE)
      const { value, done } = await reader.read()
      clearTimeout(timer)
      if (done) return
      heard()
      const events = parsed(lines, value)
      if (events.length > 0) yield events
    }
  } finally {
    clearTimeout(timer)
    connection.abort()
  }
}

function parsed(lines: LineReader, piece: Uint8Array): SessionEvent[] {
  try {
    return lines
      .push(piece)
      .filter((line) => line.startsWith(DATA))
      .map((line) => eventOf(line.slice(DATA.length)))
  } catch (cause) {
    throw new GatewayError('unexpected_answer', 'what came is no event stream of a gateway', { cause })
  }
}
