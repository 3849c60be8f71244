/** Certificates and keys in PEM files. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What is wrong with a file; the message continues the sentence that begins with its path: "holds no key in PEM". */
export class PemFault extends Error {
  override readonly name: string = 'PemFault'

  constructor(rule: string, cause?: unknown) {
    super(
      cause === undefined ? rule : `${rule} (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    )
  }
}

/** It is not the key that is wrong. */
export class PassphraseFault extends PemFault {
  override readonly name = 'PassphraseFault'
}

export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new PemFault('cannot be read', cause)
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** At least one, in the file's order. */
export function parseCertificates(text: string): [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = (text.match(CERTIFICATE) ?? []).map((block) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw new PemFault('holds a certificate that cannot be read', cause)
    }
  })
  if (first === undefined) throw new PemFault('holds no certificate in PEM')
  return [first, ...others]
}

export function parseKey(text: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase })
  } catch (cause) {
    if (!/BEGIN [A-Z ]*PRIVATE KEY/.test(text)) throw new PemFault('holds no key in PEM')
    if (!/ENCRYPTED/.test(text)) throw new PemFault('holds a key that cannot be read', cause)
    if (passphrase === undefined) throw new PemFault('is encrypted and no passphrase is given')
    throw new PassphraseFault('is not the passphrase of the key')
  }
}
