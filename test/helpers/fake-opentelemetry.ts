/**
 * What the program uses of four packages of OpenTelemetry, in one module and as little as that takes. It stands in
 * where they are not installed; what they send is the same.
 */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'

interface SpanContext {
  traceId: string
  spanId: string
  traceFlags: number
}

export const ROOT_CONTEXT = {}
export const trace = { setSpanContext: (_context: unknown, span: SpanContext) => ({ span }) }
export const createTraceState = (text: string) => ({ serialize: () => text })

type Attributes = Record<string, string | number>
class Resource {
  readonly attributes: Attributes
  constructor(attributes: Attributes) {
    this.attributes = attributes
  }
  merge(other: Resource): Resource {
    return new Resource({ ...this.attributes, ...other.attributes })
  }
}
export const resourceFromAttributes = (attributes: Attributes): Resource => new Resource(attributes)
export const envDetector = {}
export const detectResources = (): Resource => {
  const { OTEL_SERVICE_NAME: name } = process.env
  return new Resource(name === undefined ? {} : { 'service.name': name })
}

interface Start {
  kind: number
  attributes: Attributes
  startTime?: number
}

class Span {
  readonly name: string
  readonly start: Start
  readonly parent: SpanContext | undefined
  readonly resource: Resource
  readonly startedAt: number
  endedAt = 0
  status: { code: number } = { code: 0 }
  readonly events: { name: string }[] = []
  readonly #processor: BatchSpanProcessor
  readonly #context: SpanContext

  constructor(
    name: string,
    start: Start,
    parent: SpanContext | undefined,
    provider: { resource: Resource; spanProcessors: BatchSpanProcessor[] },
  ) {
    this.name = name
    this.start = start
    this.parent = parent
    this.resource = provider.resource
    this.#processor = provider.spanProcessors[0]!
    this.startedAt = start.startTime ?? Date.now()
    const off = process.env.OTEL_TRACES_SAMPLER === 'always_off'
    this.#context = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: off ? 0 : (parent?.traceFlags ?? 1),
    }
  }

  spanContext(): SpanContext {
    return this.#context
  }
  setAttributes(attributes: Attributes): void {
    Object.assign(this.start.attributes, attributes)
  }
  addEvent(name: string): void {
    this.events.push({ name })
  }
  setStatus(status: { code: number }): void {
    this.status = status
  }
  end(time?: number): void {
    this.endedAt = time ?? Date.now()
    this.#processor.onEnd(this)
  }
}

export class BasicTracerProvider {
  readonly #config: { resource: Resource; spanProcessors: BatchSpanProcessor[] }
  constructor(config: { resource: Resource; spanProcessors: BatchSpanProcessor[] }) {
    this.#config = config
  }
  getTracer() {
    return {
      startSpan: (name: string, start: Start, context: { span?: SpanContext }) =>
        new Span(name, { ...start, attributes: { ...start.attributes } }, context.span, this.#config),
    }
  }
  async shutdown(): Promise<void> {
    for (const processor of this.#config.spanProcessors) await processor.shutdown()
  }
}

type Done = (result: { code: number; error?: Error }) => void

export class BatchSpanProcessor {
  readonly #exporter: { export(spans: Span[], done: Done): void; shutdown(): Promise<void> }
  #spans: Span[] = []
  #timer: NodeJS.Timeout | undefined
  constructor(exporter: OTLPTraceExporter) {
    this.#exporter = exporter
  }
  onEnd(span: Span): void {
    this.#spans.push(span)
    const delay = Number(process.env.OTEL_BSP_SCHEDULE_DELAY ?? 5000)
    this.#timer ??= setTimeout(() => void this.forceFlush(), delay).unref()
  }
  async forceFlush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const spans = this.#spans
    this.#spans = []
    if (spans.length > 0) await new Promise<void>((resolve) => this.#exporter.export(spans, () => resolve()))
  }
  async shutdown(): Promise<void> {
    await this.forceFlush()
    await this.#exporter.shutdown()
  }
}

const values = (attributes: Attributes) =>
  Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
    }))

export class OTLPTraceExporter {
  export(spans: Span[], done: Done): void {
    const url = new URL('/v1/traces', process.env.OTEL_EXPORTER_OTLP_ENDPOINT)
    const asked = request(url, { method: 'POST', agent: false }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) done({ code: 0 })
        else done({ code: 1, error: new Error(`answered ${response.statusCode}`) })
      })
    })
    asked.on('error', (error) => done({ code: 1, error }))
    const resourceSpans = spans.map((span) => ({
      resource: { attributes: values(span.resource.attributes) },
      scopeSpans: [{ spans: [raw(span)] }],
    }))
    asked.end(JSON.stringify({ resourceSpans }))
  }
  async shutdown(): Promise<void> {}
}

const raw = (span: Span) => ({
  name: span.name,
  kind: span.start.kind + 1,
  ...span.spanContext(),
  parentSpanId: span.parent?.spanId,
  startTimeUnixNano: String(Math.round(span.startedAt * 1e6)),
  endTimeUnixNano: String(Math.round(span.endedAt * 1e6)),
  attributes: values(span.start.attributes),
  events: span.events,
  status: span.status,
})
