/**
 * Is this request well-formed and unambiguous? Engines differ in what they let through; behind this door exactly
 * one reading is left (RFC 9112 §3, §6). What is refused here is answered and its connection closed, so that
 * nothing behind it is ever parsed as a request.
 */
import { Problem } from '../../shared/errors.js'
import { isFieldValue, isToken } from '../../shared/headers.js'
import type { RequestHead } from './engine.js'

/** Field lines of a request head (`docs/limits.md`). */
export const MAX_REQUEST_FIELDS = 96

/** Bytes of a method: a link carries no longer one, and nobody has named one half as long. */
const MAX_METHOD = 64

/** Printable ASCII and bytes of UTF-8, without what no URI holds raw: a fragment never travels (RFC 9112 §3.2). */
const TARGET = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/

/** Names that some server behind us might take for a framing field. */
const LOOKALIKE = /^(?:content_length|transfer_encoding)$/

/** uri-host [ ":" port ] (RFC 9110 §7.2): a name, an IPv4 address or an IPv6 address in brackets. */
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/

/**
 * @returns the request's declared length: a number, `chunked`, or undefined where it has no body.
 * @throws Problem `bad_request`, `head_too_large` or `method_not_allowed`.
 */
export function admit(head: RequestHead, maxHead: number): number | 'chunked' | undefined {
  const { method, target, headers } = head
  if (!isToken(method)) throw bad('the method is not a token')
  if (method.length > MAX_METHOD) throw bad(`the method has more than ${MAX_METHOD} bytes`)
  const served = method !== 'CONNECT' && method !== 'TRACE'
  if (served && !TARGET.test(target))
    throw bad('the request target is not an absolute path without spaces, controls or fragment')
  if (headers.length > 2 * MAX_REQUEST_FIELDS) {
    throw new Problem(
      'head_too_large',
      `the head has ${headers.length / 2} fields, more than ${MAX_REQUEST_FIELDS}`,
    )
  }
  let size = method.length + target.length + 12
  let host: string | undefined
  let length: number | undefined
  let chunked = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    size += name.length + value.length + 4
    if (!isToken(name)) throw bad('a field name is not a token')
    if (!isFieldValue(value)) throw bad(`field ${name} holds a control character`)
    switch (name) {
      case 'host':
        if (host !== undefined) throw bad('there is more than one Host')
        host = value
        break
      case 'content-length':
        if (length !== undefined) throw bad('there is more than one Content-Length')
        length = contentLength(value)
        break
      case 'transfer-encoding':
        if (chunked) throw bad('there is more than one Transfer-Encoding')
        if (value.toLowerCase() !== 'chunked') throw bad('Transfer-Encoding is other than chunked')
        chunked = true
        break
      default:
        if (name.length < 18 && LOOKALIKE.test(name)) throw bad(`${name} imitates a framing field`)
    }
  }
  if (size > maxHead) throw new Problem('head_too_large', `the head has more than ${maxHead} bytes`)
  if (host === undefined) throw bad('there is no Host')
  const port = HOST.exec(host)
  if (port === null || (port[1] !== undefined && Number(port[1]) > 65_535))
    throw bad('Host is not a host with an optional port')
  if (chunked && length !== undefined) throw bad('there are both Content-Length and Transfer-Encoding')
  // Last, so that what cannot be told from another request ends the connection first.
  if (!served) {
    throw new Problem('method_not_allowed', `${method} is not served`, {
      headers: ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    })
  }
  return chunked ? 'chunked' : length
}

/** All digits, no sign, no leading zero, exactly representable. */
function contentLength(value: string): number {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(value) || !Number.isSafeInteger(Number(value)))
    throw bad('Content-Length is not a plain number')
  return Number(value)
}

const bad = (detail: string): Problem => new Problem('bad_request', detail)
