/** Somebody who signs JWTs, and tells the keys. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA'

export interface IssuerKey {
  readonly algorithm: Algorithm
  readonly publicKey: KeyObject
  readonly pem: string
  /** With these members in place of the header's own. */
  jwt(claims: object, header?: object): string
  jwk(more?: object): object
}

export function issuerKey(algorithm: Algorithm): IssuerKey {
  const { publicKey, privateKey } = pairOf(algorithm)
  return {
    algorithm,
    publicKey,
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwt(claims, header) {
      const signed = `${base64url({ alg: algorithm, ...header })}.${base64url(claims)}`
      const digest = algorithm === 'EdDSA' ? null : 'sha256'
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
      return `${signed}.${sign(digest, Buffer.from(signed), key).toString('base64url')}`
    },
    jwk: (more) => ({ ...publicKey.export({ format: 'jwk' }), ...more }),
  }
}

function pairOf(algorithm: Algorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (algorithm) {
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'EdDSA':
      return generateKeyPairSync('ed25519')
  }
}

/** A JWT under a shared secret. */
export function hmacJwt(claims: object, secret: string | Buffer): string {
  const signed = `${base64url({ alg: 'HS256' })}.${base64url(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** A JWT that nobody signed. */
export const unsignedJwt = (claims: object): string => `${base64url({ alg: 'none' })}.${base64url(claims)}.`

/** Serves `keys` as a JWK set; it is not listening yet. */
export function keySetServer(keys: () => object[]): Server {
  return createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: keys() }))
  })
}
