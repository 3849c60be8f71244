import { specs, type ValuesOf } from '../../shared/option-spec.js'
import { path } from '../../shared/option-types.js'
import type { Report } from '../../shared/options.js'
import { CertificateError, readCertificates } from '../edge/certificates.js'
import type { TlsFiles } from '../edge/engine.js'

/** https and wss on the same port. What changes in the files is taken up while it runs. */
export const tlsOptions = specs({
  tlsCert: {
    type: path(),
    group: 'tls',
    common: true,
    help: 'certificate in PEM, with those between it and a root; then the port serves https and wss',
  },
  tlsKey: { type: path(), common: true, group: 'tls', help: 'key of that certificate' },
  tlsPassphraseFile: { type: path(), group: 'tls', help: 'file that holds the passphrase of the key' },
  tlsCa: {
    type: path(),
    group: 'tls',
    help: 'callers and agents must show a certificate that one of these signed, beside their credential',
  },
})

type TlsValues = ValuesOf<typeof tlsOptions>

/** Undefined: plain http. */
export function tlsFilesOf(values: TlsValues): TlsFiles | undefined {
  const { tlsCert: cert, tlsKey: key, tlsPassphraseFile: passphrase, tlsCa: ca } = values
  return cert === undefined || key === undefined ? undefined : { cert, key, passphrase, ca }
}

const FLAGS: Readonly<Record<keyof TlsFiles, string>> = {
  cert: '--tls-cert',
  key: '--tls-key',
  passphrase: '--tls-passphrase-file',
  ca: '--tls-ca',
}

/** Reports what is missing of the pair, and the file that does not do. */
export function checkTls(values: TlsValues, report: Report): void {
  const { tlsCert, tlsKey, tlsPassphraseFile, tlsCa } = values
  if (tlsCert !== undefined && tlsKey === undefined) report('--tls-cert needs --tls-key')
  if (tlsCert === undefined && tlsKey !== undefined) report('--tls-key needs --tls-cert')
  if (tlsPassphraseFile !== undefined && tlsKey === undefined) report('--tls-passphrase-file needs --tls-key')
  if (tlsCa !== undefined && tlsCert === undefined) report('--tls-ca needs --tls-cert')
  const files = tlsFilesOf(values)
  if (files === undefined) return
  try {
    readCertificates(files)
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    report(`${FLAGS[error.part]}: ${error.message}`)
  }
}
