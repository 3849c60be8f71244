/** The trace that a request belongs to, as `traceparent` and `tracestate` tell it (W3C Trace Context). */
import type { Fields } from '../headers.js'

export interface TraceContext {
  /** 32 and 16 hex digits. */
  readonly traceId: string
  readonly spanId: string
  /** Bit 0: whoever called records its spans. */
  readonly traceFlags: number
}

export interface RemoteParent extends TraceContext {
  readonly tracestate: string | undefined
}

/** Versions to come may add to the end of it; `ff` is none. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined where a request belongs to no trace, or tells it badly: with another field, or with two. */
export function remoteParent(fields: Fields): RemoteParent | undefined {
  let value: string | undefined
  let tracestate: string | undefined
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'traceparent') {
      if (value !== undefined) return undefined
      value = fields[i + 1]
    } else if (fields[i] === 'tracestate') {
      tracestate = tracestate === undefined ? fields[i + 1] : `${tracestate},${fields[i + 1]}`
    }
  }
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(value ?? '') ?? []
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId))
    return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags!, 16), tracestate }
}

/** `fields` as the span `context` sends them on. `keepState`: it goes on with the caller's trace. */
export function withTraceparent(fields: Fields, context: TraceContext, keepState: boolean): string[] {
  const out: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (name !== 'traceparent' && (keepState || name !== 'tracestate')) out.push(name, fields[i + 1]!)
  }
  const { traceId, spanId, traceFlags } = context
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  out.push('traceparent', `00-${traceId}-${spanId}-${flags}`)
  return out
}
