/**
 * A span for each exchange that an agent serves, `gw.upstream`: in the gateway's trace, and the upstream in the
 * span's. It stands between a stream and its exchange: neither knows of it.
 */
import { isInterim, type Open, StreamKind } from '../shared/frames.js'
import { getField } from '../shared/headers.js'
import type { StreamEvents } from '../shared/stream-events.js'
import { requestAttributes } from '../shared/tracing/http-attributes.js'
import { type Span, SpanKind, STATUS_ERROR } from '../shared/tracing/opentelemetry.js'
import { remoteParent, withTraceparent } from '../shared/tracing/trace-context.js'
import type { Tracer } from '../shared/tracing/tracer.js'
import type { AnswerStream } from './exchange.js'
import type { Accept } from './serve.js'

/** Serves as `accept` does, with a span around each exchange. */
export function traced(tracer: Tracer, tunnelId: string, accept: Accept): Accept {
  return (stream, open) => {
    const parent = remoteParent(open.headers)
    const attributes = { ...requestAttributes(open), ...namesOf(open, tunnelId) }
    const span = tracer.begin('gw.upstream', { kind: SpanKind.client, attributes }, parent)
    const watched = new TracedStream(stream, span)
    const headers = withTraceparent(open.headers, span.spanContext(), parent !== undefined)
    return tracedEvents(accept(watched, { ...open, headers }), watched)
  }
}

function namesOf({ stream, headers }: Open, tunnelId: string): Record<string, string> {
  const kind = stream === StreamKind.run ? 'run' : stream === StreamKind.websocket ? 'websocket' : 'http'
  const requestId = getField(headers, 'gw-request-id')
  return {
    'gw.tunnel_id': tunnelId,
    'gw.kind': kind,
    ...(requestId !== undefined && { 'gw.request_id': requestId }),
  }
}

class TracedStream implements AnswerStream {
  readonly #stream: AnswerStream
  readonly #span: Span
  #over = false

  constructor(stream: AnswerStream, span: Span) {
    this.#stream = stream
    this.#span = span
  }

  head(head: Parameters<AnswerStream['head']>[0]): void {
    this.#stream.head(head)
    if (isInterim(head.status)) return
    this.#span.setAttributes({ 'http.response.status_code': head.status })
    this.#span.addEvent('gw.first_byte', {})
    // Of a client's span, which this is, any such status is an error.
    if (head.status >= 400) this.#fault(String(head.status))
    if (head.end) this.over()
  }

  write(chunk: Uint8Array): boolean {
    return this.#stream.write(chunk)
  }

  end(...trailers: Parameters<AnswerStream['end']>): void {
    this.#stream.end(...trailers)
    this.over()
  }

  reset(code: Parameters<AnswerStream['reset']>[0], message: string): void {
    this.#stream.reset(code, message)
    this.over('agent_error', message)
  }

  read(bytes: number): void {
    this.#stream.read(bytes)
  }

  /** Nothing follows. `fault`: why the answer is not whole. */
  over(fault?: string, message?: string): void {
    if (this.#over) return
    this.#over = true
    if (fault !== undefined) this.#fault(fault, message)
    this.#span.end()
  }

  #fault(type: string, message?: string): void {
    this.#span.setAttributes({ 'error.type': type })
    this.#span.setStatus({ code: STATUS_ERROR, ...(message !== undefined && { message }) })
  }
}

function tracedEvents(events: StreamEvents, stream: TracedStream): StreamEvents {
  return {
    head: (head) => events.head(head),
    data: (chunk) => events.data(chunk),
    end: (trailers) => events.end(trailers),
    drain: () => events.drain(),
    reset(reason) {
      stream.over('aborted', reason.message)
      events.reset(reason)
    },
  }
}
