import type { LogFormat, LogLevel } from '../shared/log.js'
import type { OptionSource, Provenance, Report } from '../shared/options.js'
import { type GatewayUrl, isInTheClear } from './gateway-url.js'
import type { LoadedAgent } from './options.js'
import { resolveTunnels, type Tls, type TunnelConfig } from './tunnels.js'

/** What the agent's process works with: the options joined, and their rules on each other kept. */
export interface AgentConfig {
  readonly gateway: GatewayUrl
  readonly gatewayTls: Tls & { readonly client: { readonly cert: string; readonly key: string } | undefined }
  readonly credential: Credential
  /** WebSockets of each tunnel. */
  readonly links: number
  /** Milliseconds. */
  readonly drainTimeout: number
  readonly tunnels: readonly TunnelConfig[]
  /** Undefined: nothing is recorded. */
  readonly inspector: { readonly port: number; readonly redact: readonly string[] } | undefined
  readonly logLevel: LogLevel
  /** Undefined: as the output is a terminal or not. */
  readonly logFormat: LogFormat | undefined
  /** To be logged at the start. */
  readonly warnings: readonly string[]
}

export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'file'; readonly path: string }

export function resolveAgent(loaded: LoadedAgent, report: Report): AgentConfig {
  const { values, provenance } = loaded
  const { clientCert: cert, clientKey: key, insecure } = values
  const credential = chooseCredential(loaded, report)
  if (cert === undefined && key !== undefined) report('--client-key needs --client-cert')
  if (cert !== undefined && key === undefined) report('--client-cert needs --client-key')
  // The gateway reads the same variable, which may stand for it alone.
  const redacts = provenance.redact !== undefined && provenance.redact.source.kind !== 'env'
  if (redacts && values.redact.length > 0 && values.inspectPort === undefined)
    report('--redact needs --inspect-port')
  const tunnels = resolveTunnels(loaded, report)
  const carried =
    credential.kind !== 'none'
      ? 'the token'
      : tunnels.some(isGuarded)
        ? 'what --basic-auth asks for'
        : undefined
  if (carried !== undefined && isInTheClear(values.gateway) && !insecure) {
    report(
      `--gateway: ${values.gateway.dial} would carry ${carried} in the clear; it takes https or wss, or --insecure`,
    )
  }
  const warnings = [
    ...(provenance.token?.source.kind === 'flag'
      ? ['--token can be read by others in the process list; use GW_AGENT_TOKEN or --token-file']
      : []),
    ...(provenance.basicAuth?.source.kind === 'flag'
      ? ['--basic-auth can be read by others in the process list; use GW_BASIC_AUTH or the config file']
      : []),
    ...(insecure ? ['--insecure: the gateway is not verified'] : []),
  ]
  return Object.freeze({
    gateway: values.gateway,
    gatewayTls: Object.freeze({
      ca: values.ca,
      insecure,
      client: cert === undefined || key === undefined ? undefined : Object.freeze({ cert, key }),
    }),
    credential,
    links: values.links,
    drainTimeout: values.drainTimeout,
    tunnels,
    inspector:
      values.inspectPort === undefined
        ? undefined
        : Object.freeze({ port: values.inspectPort, redact: values.redact }),
    logLevel: values.logLevel,
    logFormat: values.logFormat,
    warnings: Object.freeze(warnings),
  })
}

/** A hash of the password travels in the handshake; one that people remember is soon found from that. */
const isGuarded = (tunnel: TunnelConfig): boolean => tunnel.public?.basicAuth !== undefined

const RANKS: Readonly<Record<OptionSource['kind'], number>> = { flag: 3, env: 2, file: 1, default: 0 }

/** Of a token and a file the one that stands nearer to the user. */
function chooseCredential({ values, provenance }: LoadedAgent, report: Report): Credential {
  const rank = (given: Provenance | undefined): number => RANKS[given?.source.kind ?? 'default']
  const { token, tokenFile } = values
  if (token === undefined && tokenFile === undefined) return { kind: 'none' }
  const byFile = rank(provenance.tokenFile) - rank(provenance.token)
  if (byFile === 0) report('--token and --token-file exclude each other')
  if (tokenFile !== undefined && byFile > 0) return { kind: 'file', path: tokenFile }
  return token === undefined ? { kind: 'none' } : { kind: 'token', token }
}
