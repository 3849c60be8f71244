/** The key that an issuer's JWTs are checked with, and what may be signed with it. */
import { createPublicKey, type KeyObject } from 'node:crypto'

/** A public key and the algorithms that it is for. */
export interface JwtKey {
  readonly key: KeyObject
  readonly algorithms: readonly string[]
}

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const EDWARDS = ['EdDSA', 'Ed25519']
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
/** Never `none`, and nothing whose key is shared: jose then takes from a key set what a key's own type allows. */
export const ASYMMETRIC = [...RSA, ...Object.values(CURVES), ...EDWARDS]

/** @throws Error whose message continues the file's name: "holds …". */
export function jwtKeyOf(pem: string): JwtKey {
  if (pem.includes('PRIVATE KEY')) throw new Error('holds a private key; it takes the public one')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    throw new Error('holds no public key or certificate in PEM')
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const type = key.asymmetricKeyType
  if (type === 'rsa' && modulusLength >= 2048) return { key, algorithms: RSA }
  if (type === 'ed25519') return { key, algorithms: EDWARDS }
  const curve = CURVES[namedCurve]
  if (type === 'ec' && curve !== undefined) return { key, algorithms: [curve] }
  throw new Error('holds a key other than RSA of 2048 bits or more, P-256, P-384, P-521 and Ed25519')
}
