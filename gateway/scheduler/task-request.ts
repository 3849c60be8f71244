/** A task that is a request to the gateway itself: so it can call an agent. */
import { isFieldValue, isToken } from '../../shared/headers.js'
import type { Entry } from '../hooks/entry.js'
import { OutputTail } from '../hooks/output-tail.js'
import type { TaskResult } from './task-work.js'

export interface TaskRequest {
  readonly method: string
  /** Of the gateway, with its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface TaskAnswer {
  readonly status: number
  /** Its end is enough where it is long. */
  readonly body: Buffer
}

/** Sends it through the gateway with the right to write. Rejects where there is no answer, or `signal` fires. */
export type SendRequest = (request: TaskRequest, signal: AbortSignal) => Promise<TaskAnswer>

const KEYS = ['method', 'path', 'headers', 'body']
/** Of the connection, which is the gateway's. */
const RESERVED = /^(host|connection|content-length|transfer-encoding|upgrade|gw-authorization)$/i

/** Reads what stands under `request`; mistakes are reported by the entry. */
export function readRequest(task: Entry): TaskRequest {
  const entry = task.entry('request')?.finished(KEYS)
  const nothing = { method: 'GET', path: '/', headers: {}, body: undefined }
  if (entry === undefined) return nothing
  if (!entry.has('path')) entry.refuse(undefined, 'the request has no path')
  const path = entry.text('path', 'a path of the gateway') ?? '/'
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#'))
    entry.refuse('path', `path ${JSON.stringify(path)} is none; it begins with / and is percent-encoded`)
  const body = entry.text('body', 'text; JSON stands between quotes')
  const method = entry.text('method') ?? (body === undefined ? 'GET' : 'POST')
  if (!isToken(method) || /^(connect|trace)$/i.test(method))
    entry.refuse('method', `method ${JSON.stringify(method)} is none that is served`)
  return { method: method.toUpperCase(), path, headers: entry.texts('headers', fieldFault), body }
}

function fieldFault(name: string, value: string): string | undefined {
  if (!isToken(name)) return 'is no name of a field'
  if (RESERVED.test(name)) return 'is set by the gateway'
  return isFieldValue(value) ? undefined : 'holds what no field may hold'
}

/** Never rejects. */
export async function performRequest(
  send: SendRequest,
  request: TaskRequest,
  signal: AbortSignal,
): Promise<TaskResult> {
  try {
    const { status, body } = await send(request, signal)
    const tail = new OutputTail()
    tail.push(body)
    return { status: status < 400 ? 'ok' : 'failed', httpStatus: status, output: tail.text() }
  } catch (error) {
    return { status: 'failed', output: '', error: error instanceof Error ? error.message : String(error) }
  }
}
