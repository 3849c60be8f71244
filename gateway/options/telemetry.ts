import { isToken } from '../../shared/headers.js'
import { isLoopback } from '../../shared/loopback.js'
import { specs } from '../../shared/option-spec.js'
import { BadValue, flag, list, one } from '../../shared/option-types.js'

const fieldName = one('NAME', 'the name of a header field', (value) => {
  if (!isToken(value)) throw new BadValue('is not a field name')
  return value.toLowerCase()
})

/** What the gateway tells of what it does. */
export const telemetryOptions = specs({
  metricsPerTunnel: {
    type: flag(),
    group: 'metrics',
    help: 'requests by tunnel id in the metrics, for up to 1000 tunnels',
  },
  inspect: {
    type: flag(undefined),
    group: 'inspect',
    otherwise: 'on with --auth none on loopback, without --domain and --trusted-proxies',
    help: 'keep the last exchanges in memory for the dashboard',
  },
  redact: {
    type: list(fieldName),
    group: 'inspect',
    help: 'a header field that is not kept, beside those that hold credentials; repeatable',
  },
})

/** Whether exchanges are recorded: asked for, or where nobody else can see them and nobody else's traffic passes. */
export function inspects({ inspect, auth, host, domain, trustedProxies }: InspectOptions): boolean {
  if (inspect !== undefined) return inspect
  return auth.includes('none') && isLoopback(host) && domain.length === 0 && trustedProxies.length === 0
}

interface InspectOptions {
  readonly inspect: boolean | undefined
  readonly auth: readonly string[]
  readonly host: string
  readonly domain: readonly unknown[]
  readonly trustedProxies: readonly unknown[]
}
