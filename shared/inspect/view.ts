/** Recorded exchanges as the inspector's API tells them. */
import { getField } from '../headers.js'
import { decodeBody, type Shown } from './decode.js'
import type { KeptBody, Recording } from './recording.js'

export interface ListedExchange {
  request_id: string
  time: string
  method: string
  path: string
  /** Null while there is no answer. */
  status: number | null
  code: string | null
  tunnel_id: string | null
  route: string
  state: 'open' | 'ended'
  queued_ms: number | null
  first_byte_ms: number | null
  /** Null while it lasts. */
  duration_ms: number | null
  bytes_in: number
  bytes_out: number
  replay_of: string | null
}

interface ShownMessage {
  headers: [name: string, value: string][]
  bytes: number
  /** Less than all of the body was kept. */
  truncated: boolean
  body: Shown
}

export interface ShownExchange extends ListedExchange {
  remote_address: string
  request: ShownMessage
  response: ShownMessage | null
}

export function listed(recording: Recording): ListedExchange {
  const { status, code, duration, queued, firstByte } = recording
  return {
    request_id: recording.requestId,
    time: new Date(recording.startedAt).toISOString(),
    method: recording.method,
    path: recording.target,
    status: status ?? null,
    code: code ?? null,
    tunnel_id: recording.tunnelId ?? null,
    route: recording.route,
    state: duration === undefined ? 'open' : 'ended',
    queued_ms: rounded(queued),
    first_byte_ms: rounded(firstByte),
    duration_ms: rounded(duration),
    bytes_in: recording.requestBody.bytes,
    bytes_out: recording.responseBody.bytes,
    replay_of: recording.replayOf ?? null,
  }
}

export function shown(recording: Recording): ShownExchange {
  const { requestHeaders, requestBody, responseHeaders, responseBody, status } = recording
  return {
    ...listed(recording),
    remote_address: recording.remoteAddress,
    request: message(requestHeaders, requestBody),
    response: status === undefined || status === 0 ? null : message(responseHeaders, responseBody),
  }
}

function message(headers: readonly string[], body: KeptBody): ShownMessage {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i]!, headers[i + 1]!])
  const type = getField(headers, 'content-type') ?? ''
  const encoding = getField(headers, 'content-encoding') ?? ''
  return {
    headers: pairs,
    bytes: body.bytes,
    truncated: body.truncated,
    body: decodeBody(body, type, encoding),
  }
}

const rounded = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.round(ms * 100) / 100
