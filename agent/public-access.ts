/** What an agent asks the gateway to ask of callers without a credential. */
import { createHash } from 'node:crypto'

/** Of a tunnel that is open to them. */
export interface PublicAccess {
  /** `user:password`; undefined: none is asked for. */
  readonly basicAuth?: string | undefined
  /** Where they may come from, as CIDR; empty: from anywhere. */
  readonly allowIp: readonly string[]
}

/** Why it cannot be what a browser sends, continuing "… "; undefined where it can (RFC 7617 §2). */
export function basicAuthFault(text: string): string | undefined {
  const at = text.indexOf(':')
  if (at < 0) return 'has no colon between user and password'
  if (at === 0) return 'has no user'
  if (at === text.length - 1) return 'has no password'
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'holds a control character'
  return undefined
}

/** The fields of a link's handshake that tell it; of the password a hash only. */
export function publicFields(access: PublicAccess | undefined): Record<string, string> {
  if (access === undefined) return {}
  const { basicAuth, allowIp } = access
  return {
    'gw-public': '1',
    ...(basicAuth === undefined
      ? {}
      : { 'gw-basic-auth': createHash('sha256').update(basicAuth).digest('hex') }),
    ...(allowIp.length === 0 ? {} : { 'gw-allow-ip': allowIp.join(', ') }),
  }
}
