/** The files of `--tls-…`, read and held against each other: nothing that does not fit gets as far as a connection. */
import { createSecureContext } from 'node:tls'
import { PassphraseFault, PemFault, parseCertificates, parseKey, readPem } from '../../shared/pem.js'
import type { TlsFiles } from './engine.js'

/** What stands in the files. PEM texts. */
export interface Certificates {
  readonly cert: string
  readonly key: string
  readonly passphrase: string | undefined
  readonly ca: string | undefined
  /** Whom the certificate is for. */
  readonly names: string
  /** The certificate's last moment. */
  readonly expires: Date
}

/** One of the files does not do. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly part: keyof TlsFiles
  readonly file: string

  constructor(files: TlsFiles, part: keyof TlsFiles, fault: PemFault) {
    const file = files[part]!
    super(`${file} ${fault.message}`, { cause: fault })
    this.part = part
    this.file = file
  }
}

/** @throws CertificateError naming the first file that does not do, and why. */
export function readCertificates(files: TlsFiles): Certificates {
  const within = <T>(part: keyof TlsFiles, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof PemFault)) throw error
      throw new CertificateError(files, error instanceof PassphraseFault ? 'passphrase' : part, error)
    }
  }
  const read = (part: keyof TlsFiles): string | undefined => {
    const file = files[part]
    return file === undefined ? undefined : within(part, () => readPem(file))
  }
  const [cert, key, ca] = [read('cert')!, read('key')!, read('ca')]
  // As an editor or an echo leaves it.
  const passphrase = read('passphrase')?.replace(/\r?\n$/, '')
  const [leaf] = within('cert', () => parseCertificates(cert))
  within('key', () => {
    if (!leaf.checkPrivateKey(parseKey(key, passphrase)))
      throw new PemFault(`is not the key of the certificate in ${files.cert}`)
  })
  if (ca !== undefined) within('ca', () => parseCertificates(ca))
  within('cert', () => {
    try {
      createSecureContext({ cert, key, passphrase, ca })
    } catch (cause) {
      throw new PemFault('cannot be served', cause)
    }
  })
  const names = leaf.subjectAltName ?? leaf.subject
  return { cert, key, passphrase, ca, names, expires: new Date(leaf.validTo) }
}

export const sameCertificates = (one: Certificates, other: Certificates): boolean =>
  one.cert === other.cert && one.key === other.key && one.ca === other.ca
