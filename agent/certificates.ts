/** The files that the agent's options name, read before anything starts. */
import { UsageError } from '../shared/options.js'
import { PemFault, parseCertificates, parseKey, readPem } from '../shared/pem.js'
import type { AgentConfig } from './config.js'
import type { DialTls } from './dial.js'

/**
 * What the agent shows to a gateway and verifies it with.
 * @throws UsageError naming each file that does not do, those of upstreams and the credential among them.
 */
export function readGatewayTls(config: AgentConfig): DialTls {
  const mistakes: string[] = []
  const read = (flag: string, file: string, check: (text: string) => unknown): string | undefined => {
    try {
      const text = readPem(file)
      check(text)
      return text
    } catch (error) {
      if (!(error instanceof PemFault)) throw error
      mistakes.push(`${flag}: ${file} ${error.message}`)
      return undefined
    }
  }
  const { ca, insecure, client } = config.gatewayTls
  const roots = ca === undefined ? undefined : read('--ca', ca, parseCertificates)
  const cert = client && read('--client-cert', client.cert, parseCertificates)
  const key =
    client &&
    read('--client-key', client.key, (text) => {
      const own = parseKey(text)
      if (cert !== undefined && !parseCertificates(cert)[0].checkPrivateKey(own))
        throw new PemFault(`is not the key of the certificate in ${client.cert}`)
    })
  for (const { upstreamTls } of config.tunnels)
    if (upstreamTls.ca !== undefined && upstreamTls.ca !== ca)
      read('--upstream-ca', upstreamTls.ca, parseCertificates)
  if (config.credential.kind === 'file') read('--token-file', config.credential.path, () => {})
  if (mistakes.length > 0) throw new UsageError([...new Set(mistakes)])
  return { ca: roots === undefined ? undefined : [roots], insecure, cert, key }
}
