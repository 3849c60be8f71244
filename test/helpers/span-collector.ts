/** Where spans are sent to: an OTLP collector that speaks HTTP and JSON, and the packages that send them. */
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { httpUpstream } from './agent-rig.js'

export interface CollectedSpan {
  service: string
  name: string
  traceId: string
  spanId: string
  parentSpanId: string
  kind: number
  attributes: Record<string, string | number>
  events: string[]
  error: boolean
  /** Milliseconds. */
  duration: number
}

type Values = { key: string; value: Record<string, string | number> }[]

interface Batch {
  resourceSpans: {
    resource: { attributes: Values }
    scopeSpans: { spans: RawSpan[] }[]
  }[]
}

interface RawSpan extends Omit<CollectedSpan, 'attributes' | 'events' | 'error' | 'service'> {
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Values
  events: { name: string }[]
  status: { code?: number }
}

const plain = (values: Values): Record<string, string | number> =>
  Object.fromEntries(values.map(({ key, value }) => [key, Object.values(value)[0]!]))

export class SpanCollector {
  readonly spans: CollectedSpan[] = []
  /** 200, or how it fails. */
  status = 200
  /** How often it was asked. */
  asked = 0
  port = 0
  #waiting: (() => void)[] = []

  static async start(t: Test): Promise<SpanCollector> {
    const collector = new SpanCollector()
    collector.port = await httpUpstream(t, (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        if (request.method === 'POST' && request.url === '/v1/traces')
          collector.#take(Buffer.concat(chunks), response)
        else response.writeHead(404).end()
      })
    })
    return collector
  }

  /** For a process that sends its spans here, at once. */
  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.port}`,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      NODE_OPTIONS: `--import=${packages('fake')}`,
      ...more,
    }
  }

  /** Resolves with the first span that is so, now or later. */
  async find(is: (span: CollectedSpan) => boolean): Promise<CollectedSpan> {
    for (;;) {
      const found = this.spans.find(is)
      if (found !== undefined) return found
      await this.next()
    }
  }

  /** Resolves once it was asked again. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #take(body: Buffer, response: ServerResponse): void {
    this.asked++
    response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}')
    if (this.status === 200) {
      for (const { resource, scopeSpans } of (JSON.parse(body.toString()) as Batch).resourceSpans) {
        const service = String(plain(resource.attributes)['service.name'])
        this.spans.push(...scopeSpans.flatMap(({ spans }) => spans.map((span) => read(service, span))))
      }
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

const read = (service: string, span: RawSpan): CollectedSpan => ({
  service,
  name: span.name,
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId ?? '',
  kind: span.kind,
  attributes: plain(span.attributes),
  events: span.events.map(({ name }) => name),
  error: span.status.code === 2,
  duration: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
})

/**
 * A module for `--import`. `fake`: where OpenTelemetry's packages are not installed something like them stands in.
 * `none`: they are not installed, even where they are.
 */
export function packages(kind: 'fake' | 'none'): string {
  const standIn = new URL('./fake-opentelemetry.js', import.meta.url).href
  const otherwise =
    kind === 'none'
      ? `throw Object.assign(new Error('Cannot find package ' + name), { code: 'ERR_MODULE_NOT_FOUND' })`
      : `return next(name, context).catch(() => ({ url: '${standIn}', shortCircuit: true }))`
  const hooks = `export const resolve = (name, context, next) => {
    if (name.startsWith('@opentelemetry/') && context.parentURL.includes('/shared/tracing/')) { ${otherwise} }
    return next(name, context)
  }`
  const register = `import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})`
  return `data:text/javascript,${encodeURIComponent(register)}`
}
