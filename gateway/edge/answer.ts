/** An agent's head, held against HTTP before a caller sees any of it: everything an agent sends is untrusted. */
import { Problem } from '../../shared/errors.js'
import type { Head } from '../../shared/frames.js'
import { isFieldValue, isHopByHop, nominated } from '../../shared/headers.js'
import { sandboxed } from '../guard/sandbox.js'
import type { ResponseHead } from './engine.js'
import type { Admission } from './gate.js'

/** A token without capitals: what is dropped or judged by its name must not come under another spelling of it. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** Whether an answer to `method` with `status` has no body, whatever its fields say (RFC 9112 §6.3). */
export const isBodyless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

/**
 * `upgraded`: it is the 101 of a WebSocket that was asked for.
 * The head to send on, with the gateway's own fields added.
 * @throws Problem `agent_error` naming what is wrong with the agent's.
 */
export function answerHead(
  head: Head,
  method: string,
  tunnelId: string,
  requestId: string,
  upgraded = false,
): ResponseHead {
  const { status, reason, headers } = head
  if (status < 200 && !upgraded) throw broken(`status ${status} is no final answer`)
  if (reason !== null && !isFieldValue(reason)) throw broken('the reason phrase holds a control character')
  const named = nominated(headers)
  const out: string[] = []
  let length: number | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (!NAME.test(name)) throw broken('a field name is not a token in lower case')
    if (!isFieldValue(value)) throw broken(`field ${name} holds a control character`)
    if (name === 'content-length') {
      const bytes = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
      if (Number.isNaN(bytes) || (length !== undefined && length !== bytes))
        throw broken('Content-Length is not one plain number')
      length = bytes
      continue
    }
    if (isHopByHop(name) || name.startsWith('gw-') || named?.has(name)) continue
    out.push(name, value)
  }
  out.push('gw-tunnel-id', tunnelId, 'gw-request-id', requestId)
  if (!isBodyless(method, status)) {
    const bytes = head.body?.length ?? 0
    // While nothing is said the caller can be told; later it can only be cut.
    if (length !== undefined && (head.end ? bytes !== length : bytes > length))
      throw broken(`the body has ${bytes} bytes, Content-Length says ${length}`)
    if (head.end) length = bytes
  }
  return { status, reason: reason ?? undefined, headers: out, length, checked: true }
}

const broken = (rule: string): Problem => new Problem('agent_error', `the agent's answer: ${rule}`)

/** The head with what the admission adds to it and takes from it. */
export function admittedHead(head: ResponseHead, { headers, sandboxed: how }: Admission): ResponseHead {
  const kept = how === 'no' ? head.headers : sandboxed(head.headers, how === 'document')
  if (kept === head.headers && headers.length === 0) return head
  return { ...head, headers: [...kept, ...headers] }
}

/** Of the 101 of an upgrade: the subprotocol that was chosen, and the fields to send on. */
export function upgradeFields(headers: readonly string[]): [protocol: string | undefined, rest: string[]] {
  let protocol: string | undefined
  const rest: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'sec-websocket-protocol') protocol = headers[i + 1]
    else if (!headers[i]!.startsWith('sec-websocket-')) rest.push(headers[i]!, headers[i + 1]!)
  }
  return [protocol, rest]
}
