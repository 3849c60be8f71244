/** What the environment asks of tracing, under the names that every OpenTelemetry program takes. */
import type { Logger } from '../log.js'
import { OpenTelemetry, PACKAGES } from './opentelemetry.js'
import { Tracer } from './tracer.js'

export interface TracingSettings {
  /** Where `OTEL_SERVICE_NAME` names no other. */
  readonly service: string
  readonly version: string
  /** Spans that may wait to be sent. */
  readonly queue: number
}

export interface TracingFacts {
  /** The program, `gw-…`. */
  readonly service: string
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const
const QUEUE = 2048

/** Undefined, and a warning where it was asked for in vain, where no spans are to be made. */
export async function openTracer({ service, version, env, log }: TracingFacts): Promise<Tracer | undefined> {
  const name = ENDPOINTS.find((each) => (env[each] ?? '') !== '')
  if (name === undefined || env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined
  if (env.OTEL_TRACES_EXPORTER === 'none') return undefined
  const endpoint = env[name]!
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    log.warn(`no spans are sent: ${name} is no http or https URL`)
    return undefined
  }
  if (env.OTEL_EXPORTER_OTLP_PROTOCOL === 'grpc')
    log.warn('spans are sent by HTTP as JSON (port 4318 of most collectors), not by gRPC')
  let opentelemetry: OpenTelemetry
  try {
    opentelemetry = await OpenTelemetry.load()
  } catch (error) {
    const install = `npm install ${PACKAGES.join(' ')}`
    log.warn(`no spans are sent: ${name} is set, but what sends them does not load; ${install}`, { error })
    return undefined
  }
  const most = Number(env.OTEL_BSP_MAX_QUEUE_SIZE)
  const queue = most >= 1 ? most : QUEUE
  // Without what a URL may hold beside.
  log.info('spans are sent', { endpoint: new URL(endpoint).origin })
  return new Tracer(opentelemetry, { service, version, queue }, log)
}
