/** Spans of this program, on their way to where `OTEL_EXPORTER_OTLP_ENDPOINT` points. */
import type { Logger } from '../log.js'
import type { TracingSettings } from './environment.js'
import type { Exporter, FinishedSpan, OpenTelemetry, Processor, Span, SpanStart } from './opentelemetry.js'
import type { RemoteParent } from './trace-context.js'

/** What the end of the process may wait for the last spans to be taken (ms). */
const FLUSH = 2000

export class Tracer {
  readonly #opentelemetry: OpenTelemetry
  readonly #provider: ReturnType<OpenTelemetry['provider']>
  readonly #tracer: ReturnType<ReturnType<OpenTelemetry['provider']>['getTracer']>
  readonly #outgoing: Outgoing

  constructor(opentelemetry: OpenTelemetry, settings: TracingSettings, log: Logger) {
    const { service, version, queue } = settings
    this.#opentelemetry = opentelemetry
    this.#outgoing = new Outgoing(opentelemetry.exporter(), log)
    const processor = opentelemetry.processor(this.#outgoing, queue)
    const attributes = { 'service.name': service, 'service.version': version }
    this.#provider = opentelemetry.provider(attributes, bounded(processor, this.#outgoing, queue))
    this.#tracer = this.#provider.getTracer('gw', version)
  }

  /** Spans that were not taken: the queue was full, or the endpoint did not answer well. */
  get lost(): number {
    return this.#outgoing.lost
  }

  begin(name: string, start: SpanStart, parent: RemoteParent | undefined): Span {
    return this.#tracer.startSpan(name, start, this.#opentelemetry.context(parent))
  }

  /** Sends what is left, for 2 s at the most. Never rejects. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH)
    })
    // What could not be sent has been told.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late])
    clearTimeout(timer)
  }
}

/** In front of the exporter: counts what waits and what is lost, and tells when the endpoint fails and recovers. */
class Outgoing implements Exporter {
  lost = 0
  waiting = 0
  #failing = false
  readonly #exporter: Exporter
  readonly #log: Logger

  constructor(exporter: Exporter, log: Logger) {
    this.#exporter = exporter
    this.#log = log
  }

  export(spans: FinishedSpan[], done: Parameters<Exporter['export']>[1]): void {
    this.waiting -= spans.length
    this.#exporter.export(spans, (result) => {
      const fails = result.code !== 0
      if (fails) this.lost += spans.length
      if (fails && !this.#failing)
        this.#log.warn('spans are lost: the endpoint fails', { error: result.error })
      if (!fails && this.#failing) this.#log.info('spans are taken again', { lost: this.lost })
      this.#failing = fails
      done(result)
    })
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }
}

/** The processor keeps the same bound, but does not tell what it drops. */
function bounded(processor: Processor, outgoing: Outgoing, queue: number): Processor {
  return {
    onStart() {},
    onEnd(span) {
      if ((span.spanContext().traceFlags & 1) === 0) return
      if (outgoing.waiting >= queue) {
        outgoing.lost++
        return
      }
      outgoing.waiting++
      processor.onEnd(span)
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  }
}
