/**
 * Secrets that the gateway hands out: `gwt_ID_SECRET` for tokens, `gwd_ID_SECRET` for devices. 256 random bits, so a
 * plain SHA-256 is all that is kept of one, and who presents one is found by that.
 */
import { hash, randomBytes } from 'node:crypto'

export type CredentialKind = 'token' | 'device'

const PREFIX = { token: 'gwt_', device: 'gwd_' } as const satisfies Record<CredentialKind, string>

export interface NewSecret {
  /** 12 hex digits; stands in the text and in `token:ID`. */
  readonly id: string
  /** Told once, never kept. */
  readonly text: string
  readonly hash: string
}

/** `id`: of a credential that there is and that gets another secret. */
export function newSecret(kind: CredentialKind, id = randomBytes(6).toString('hex')): NewSecret {
  const text = `${PREFIX[kind]}${id}_${randomBytes(32).toString('base64url')}`
  return { id, text, hash: secretHash(text) }
}

/** `secret`: a byte string, as fields of a head are. */
export const secretHash = (secret: string): string => hash('sha256', secret, 'base64')

/** UTF-8 as a byte string: how a text from a variable or a JSON body would stand in a field. */
export const byteString = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

export const isTokenText = (text: string): boolean => text.startsWith(PREFIX.token)
export const isDeviceText = (text: string): boolean => text.startsWith(PREFIX.device)
