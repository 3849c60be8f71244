import { assertNever } from '../shared/errors.js'
import type { DialResult } from './dial.js'
import { describeError } from './text.js'

/** Why a link is no more. */
export type LinkEnd =
  | Exclude<DialResult, { kind: 'open' }>
  /** The gateway closed it, or its connection broke (1006). */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  /** Nothing was heard for as long as a live gateway may be silent. */
  | { readonly kind: 'silent'; readonly milliseconds: number }
  /** The gateway broke the protocol. */
  | { readonly kind: 'broken'; readonly rule: string }
  /** Its owner ended it. */
  | { readonly kind: 'stopped' }

/** A phrase for people. */
export function describeEnd(end: LinkEnd): string {
  switch (end.kind) {
    case 'refused': {
      const detail = [end.code, end.detail].filter((part) => part !== undefined && part !== '').join(': ')
      return `the gateway refused the link with ${end.status}${detail === '' ? '' : ` ${detail}`}`
    }
    case 'unreachable':
      return `the gateway cannot be reached: ${faultOf(end.error)}`
    case 'closed':
      return end.code === 1006
        ? `the connection to the gateway broke${end.reason === '' ? '' : `: ${end.reason}`}`
        : `the gateway closed the link with ${end.code}${end.reason === '' ? '' : ` ${end.reason}`}`
    case 'silent':
      return `the gateway was silent for ${end.milliseconds} ms`
    case 'broken':
      return `the gateway broke the protocol: ${end.rule}`
    case 'stopped':
      return 'the link was ended here'
    default:
      return assertNever(end)
  }
}

/** Where OpenSSL's words help nobody, what to do about it. */
function faultOf(error: unknown): string {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  switch (code) {
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'no TLS is spoken there; is it an http:// gateway, or another program?'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `${describeError(error)}; --ca names a certificate to trust`
    default:
      return describeError(error)
  }
}
