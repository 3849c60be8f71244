/**
 * A span for each request, `gw.request`. A proxied one stands in the trace of its caller, and the agent in the
 * span's: like the recorder it stands in front of the caller, so that the rest knows nothing of it.
 */
import { requestAttributes } from '../../shared/tracing/http-attributes.js'
import { type Span, SpanKind, STATUS_ERROR } from '../../shared/tracing/opentelemetry.js'
import { remoteParent, withTraceparent } from '../../shared/tracing/trace-context.js'
import type { Tracer } from '../../shared/tracing/tracer.js'
import type { Failure } from '../edge/attempt.js'
import type { Ended, RouteLabel, Witness } from '../edge/ended.js'
import type { Caller, RequestHead } from '../edge/engine.js'
import type { Watched, Watcher } from '../edge/watcher.js'
import { TracedCaller } from './traced-caller.js'

/** What callers ask of tunnels. The gateway's own pages, probes and links would hide it. */
const TRACED: ReadonlySet<RouteLabel> = new Set(['forward', 'tunnel', 'host', 'sessions'])

interface Open {
  readonly span: Span
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}

export class Tracing implements Witness, Watcher {
  readonly #tracer: Tracer
  /** Exchanges that last, by request id. */
  readonly #open = new Map<string, Open>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  watch(caller: Caller, { requestId }: Watched): Caller {
    const { span, followed } = this.#begin(caller.head)
    this.#open.set(requestId, { span, startedAt: Date.now() })
    return new TracedCaller(caller, withTraceparent(caller.head.headers, span.spanContext(), followed))
  }

  moved(requestId: string, { problem }: Failure): void {
    this.#open.get(requestId)?.span.addEvent('gw.moved', {
      'error.type': problem.code,
      'gw.reason': problem.message,
    })
  }

  /** Also of requests that were refused before they became an exchange: their spans are made now. */
  ended(head: RequestHead, ended: Ended): void {
    const open = this.#open.get(ended.requestId)
    if (open !== undefined) {
      this.#open.delete(ended.requestId)
      finish(open, ended)
    } else if (TRACED.has(ended.route)) {
      const startedAt = Date.now() - ended.duration
      finish({ span: this.#begin(head, startedAt).span, startedAt }, ended)
    }
  }

  #begin(head: RequestHead, startTime?: number): { span: Span; followed: boolean } {
    const parent = remoteParent(head.headers)
    const attributes = {
      ...requestAttributes(head),
      'url.scheme': head.secure ? 'https' : 'http',
      'network.peer.address': head.remoteAddress,
    }
    const start = { kind: SpanKind.server, attributes, startTime }
    return { span: this.#tracer.begin('gw.request', start, parent), followed: parent !== undefined }
  }
}

function finish({ span, startedAt }: Open, ended: Ended): void {
  const { requestId, route, tunnelId, status, code, queued, firstByte, duration } = ended
  span.setAttributes({
    'gw.request_id': requestId,
    'gw.route': route,
    ...(tunnelId !== undefined && { 'gw.tunnel_id': tunnelId }),
    ...(status !== 0 && { 'http.response.status_code': status }),
  })
  // Until then it waited: for a verdict, an agent, or a free place.
  if (queued !== undefined) span.addEvent('gw.sent', {}, startedAt + queued)
  if (firstByte !== undefined) span.addEvent('gw.first_byte', {}, startedAt + firstByte)
  const fault = code ?? (status >= 500 ? String(status) : undefined)
  if (fault !== undefined) span.setAttributes({ 'error.type': fault })
  // Of a caller's own mistake the server's span is no error; of an answer that was cut it is.
  const cut = status < 400 && code !== undefined && code !== 'aborted'
  if (status >= 500 || cut) span.setStatus({ code: STATUS_ERROR })
  span.end(startedAt + duration)
}
