/**
 * The one door to OpenTelemetry. Its packages are loaded only where spans are asked for, and need not be installed;
 * what is used of them stands here, since their own types are then not there either.
 */
import type { RemoteParent, TraceContext } from './trace-context.js'

export type Attributes = Record<string, string | number | undefined>

/** Times in ms since the epoch; now where they are not given. */
export interface Span {
  spanContext(): TraceContext
  setAttributes(attributes: Attributes): void
  addEvent(name: string, attributes: Attributes, time?: number): void
  setStatus(status: { code: number; message?: string }): void
  end(time?: number): void
}

export const SpanKind = { server: 1, client: 2 } as const
export const STATUS_ERROR = 2

export interface SpanStart {
  readonly kind: number
  readonly attributes: Attributes
  readonly startTime?: number | undefined
}

export interface FinishedSpan {
  spanContext(): TraceContext
}

interface ExportResult {
  /** 0: taken. */
  readonly code: number
  readonly error?: Error
}

export interface Exporter {
  export(spans: FinishedSpan[], done: (result: ExportResult) => void): void
  forceFlush?(): Promise<void>
  shutdown(): Promise<void>
}

/** What collects spans that ended. */
export interface Processor {
  onStart(span: unknown, context: unknown): void
  onEnd(span: FinishedSpan): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

interface Provider {
  getTracer(name: string, version: string): { startSpan(name: string, start: object, context: unknown): Span }
  shutdown(): Promise<void>
}

interface Resource {
  merge(other: Resource): Resource
}

interface Api {
  readonly ROOT_CONTEXT: unknown
  readonly trace: { setSpanContext(context: unknown, span: object): unknown }
  createTraceState(text: string): object
}

interface Sdk {
  /** Reads `OTEL_TRACES_SAMPLER` and the limits of spans from the environment. */
  readonly BasicTracerProvider: new (
    config: object,
  ) => Provider
  /** Reads the other `OTEL_BSP_…`. */
  readonly BatchSpanProcessor: new (
    exporter: Exporter,
    config: { maxQueueSize: number },
  ) => Processor
}

interface Resources {
  readonly envDetector: object
  resourceFromAttributes(attributes: Attributes): Resource
  detectResources(config: { detectors: object[] }): Resource
}

interface Otlp {
  /** Reads `OTEL_EXPORTER_OTLP_…`: endpoint, headers, timeout, compression, certificates. */
  readonly OTLPTraceExporter: new () => Exporter
}

/** With the versions that are known to work together, on every Node that the program runs on. */
export const PACKAGES = [
  '@opentelemetry/api@1.9.1',
  '@opentelemetry/resources@2.12.1',
  '@opentelemetry/sdk-trace-base@2.12.1',
  '@opentelemetry/exporter-trace-otlp-http@0.223.1',
] as const

export class OpenTelemetry {
  readonly #api: Api
  readonly #sdk: Sdk
  readonly #resources: Resources
  readonly #otlp: Otlp

  private constructor([api, resources, sdk, otlp]: [Api, Resources, Sdk, Otlp]) {
    this.#api = api
    this.#sdk = sdk
    this.#resources = resources
    this.#otlp = otlp
  }

  /** Rejects where a package is not installed. */
  static async load(): Promise<OpenTelemetry> {
    const names = PACKAGES.map((pinned) => pinned.slice(0, pinned.lastIndexOf('@')))
    const modules = await Promise.all(names.map((name) => import(name)))
    return new OpenTelemetry(modules as [Api, Resources, Sdk, Otlp])
  }

  exporter(): Exporter {
    return new this.#otlp.OTLPTraceExporter()
  }

  processor(exporter: Exporter, queue: number): Processor {
    return new this.#sdk.BatchSpanProcessor(exporter, { maxQueueSize: queue })
  }

  /** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before `attributes`. */
  provider(attributes: Attributes, processor: Processor): Provider {
    const { resourceFromAttributes, detectResources, envDetector } = this.#resources
    const named = detectResources({ detectors: [envDetector] })
    const resource = resourceFromAttributes(attributes).merge(named)
    return new this.#sdk.BasicTracerProvider({ resource, spanProcessors: [processor] })
  }

  /** What a span begins under. */
  context(parent: RemoteParent | undefined): unknown {
    const { ROOT_CONTEXT, trace, createTraceState } = this.#api
    if (parent === undefined) return ROOT_CONTEXT
    const { tracestate, ...span } = parent
    const state = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }
    return trace.setSpanContext(ROOT_CONTEXT, { ...span, isRemote: true, ...state })
  }
}
