import { cidr } from '../shared/cidr.js'
import { isToken } from '../shared/headers.js'
import { LOG_LEVELS } from '../shared/log.js'
import {
  BadValue,
  choice,
  duration,
  flag,
  integer,
  list,
  one,
  pairs,
  path,
  port,
  text,
} from '../shared/option-types.js'
import { defineOptions, type Item, type Loaded, type Specs, type ValuesOf } from '../shared/options.js'
import { nameFault, parseTunnelId, type TunnelId } from '../shared/tunnel-id.js'
import { gatewayUrl } from './gateway-url.js'
import { basicAuthFault } from './public-access.js'
import { target } from './target.js'

/** What may differ from tunnel to tunnel; in the file also under each entry of `tunnels`. */
export const tunnelSpecs = {
  tunnelId: {
    type: list(one<TunnelId>('ID', 'agent_<uuid>_<purpose>', readTunnelId)),
    group: 'tunnel',
    otherwise: 'a new one with the purpose dev, kept for this gateway and directory',
    common: true,
    help: 'what the agent is reached by; repeatable',
  },
  forward: { type: target, group: 'tunnel', common: true, help: 'send requests to this upstream' },
  handlers: {
    type: path('MODULE'),
    group: 'tunnel',
    common: true,
    help: 'answer them by the fetch, websocket or execute that this module exports',
  },
  static: {
    type: path('DIR'),
    group: 'tunnel',
    common: true,
    help: 'answer them with the files of this directory',
  },
  name: {
    type: one('NAME', 'a-z 0-9 -, at most 63', readName),
    group: 'tunnel',
    common: true,
    help: 'a readable alias',
  },
  label: {
    type: pairs('key=value', checkLabel),
    group: 'tunnel',
    common: true,
    help: 'for selection by callers; repeatable',
  },
  weight: {
    type: integer({ max: 1000 }),
    default: '1',
    group: 'tunnel',
    help: 'share of requests under the policy weighted',
  },
  maxConcurrent: {
    type: integer({ min: 1, max: 1_000_000 }),
    default: '256',
    group: 'tunnel',
    help: 'exchanges served at once',
  },
  public: {
    type: flag(),
    group: 'tunnel',
    help: 'open the tunnel (not its sessions) to callers without a credential, where the credential of the agent allows it',
  },
  basicAuth: {
    type: one('USER:PASSWORD', 'a user, a colon and a password', readBasicAuth),
    secret: true,
    group: 'tunnel',
    help: 'what --public callers have to know; others see a flag in the process list, so set GW_BASIC_AUTH instead',
  },
  allowIp: { type: list(cidr), group: 'tunnel', help: 'where --public callers may come from; repeatable' },
  hostHeader: {
    type: one('HOST', 'rewrite, preserve or a host', readHostHeader),
    default: 'rewrite',
    group: 'upstream',
    help: "Host that the upstream sees: rewrite (its own), preserve (the caller's), or this one",
  },
  upstreamCa: {
    type: path(),
    group: 'upstream',
    otherwise: 'as --ca',
    help: 'certificates to verify an https upstream with',
  },
  upstreamInsecure: {
    type: flag(),
    group: 'upstream',
    otherwise: 'as --insecure',
    help: 'do not verify the upstream',
  },
} as const satisfies Specs

/** Everything that `gw-agent` takes. Durations resolve to milliseconds. */
export const agentOptions = defineOptions(
  {
    ...tunnelSpecs,
    gateway: {
      type: gatewayUrl,
      default: 'http://127.0.0.1:3000',
      group: 'gateway',
      common: true,
      help: 'the gateway to dial; /ws is added where the path is empty',
    },
    links: {
      type: integer({ min: 1, max: 64 }),
      default: '1',
      group: 'gateway',
      help: 'parallel WebSockets, exchanges spread over them',
    },
    token: {
      type: text('TOKEN'),
      env: ['GW_AGENT_TOKEN'],
      secret: true,
      group: 'gateway',
      common: true,
      help: 'credential for the gateway; others see a flag in the process list, so set GW_AGENT_TOKEN instead',
    },
    tokenFile: { type: path(), group: 'gateway', help: 'file that holds the credential' },
    ca: {
      type: path(),
      group: 'gateway',
      help: 'certificates to verify the gateway with, and https upstreams',
    },
    insecure: { type: flag(), group: 'gateway', help: 'verify neither the gateway nor https upstreams' },
    clientCert: { type: path(), group: 'gateway', help: 'certificate for a gateway that asks for one' },
    clientKey: { type: path(), group: 'gateway', help: 'key of that certificate' },
    drainTimeout: {
      type: duration(),
      default: '30s',
      group: 'gateway',
      help: 'how long shutdown waits for exchanges in flight; 0: not at all',
    },
    inspectPort: {
      type: port(),
      group: 'inspect',
      common: true,
      help: 'keep the last exchanges in memory and show them on this port of 127.0.0.1; 0 picks a free one',
    },
    redact: {
      type: list(one('NAME', 'the name of a header field', readFieldName)),
      group: 'inspect',
      help: 'a header field that is not kept, beside those that hold credentials; repeatable',
    },
    config: {
      type: path(),
      group: 'files',
      otherwise: 'gw-agent.yaml if it stands there',
      common: true,
      file: false,
      help: 'config file; its list tunnels holds several with their options',
    },
    logLevel: {
      type: choice(...LOG_LEVELS),
      default: 'info',
      group: 'log',
      help: 'the least that is logged',
    },
    logFormat: {
      type: choice('json', 'pretty'),
      group: 'log',
      otherwise: 'pretty on a terminal, else json',
      help: 'how a line looks',
    },
  },
  { key: 'tunnels', specs: tunnelSpecs },
)

export type AgentSpecs = typeof agentOptions.specs
export type TunnelSpecs = typeof tunnelSpecs
export type TunnelValues = ValuesOf<TunnelSpecs>
export type TunnelItem = Item<TunnelSpecs>
export type LoadedAgent = Loaded<AgentSpecs, TunnelSpecs>

function readTunnelId(value: string): TunnelId {
  try {
    return parseTunnelId(value)
  } catch (error) {
    throw new BadValue(error instanceof Error ? 'is not a tunnel id' : String(error))
  }
}

function readName(value: string): string {
  const fault = nameFault(value)
  if (fault !== undefined) throw new BadValue(fault)
  return value
}

function readBasicAuth(value: string): string {
  const fault = basicAuthFault(value)
  if (fault !== undefined) throw new BadValue(fault)
  return value
}

function readFieldName(value: string): string {
  if (!isToken(value)) throw new BadValue('is not a field name')
  return value.toLowerCase()
}

/** As selectors write them: `k=v,k=v` in a request field. */
function checkLabel(key: string, value: string): void {
  if (!/^[\w.\-/]{1,63}$/.test(key))
    throw new BadValue('has a key other than a-z A-Z 0-9 _ . - /, at most 63')
  if (!/^[\x21-\x7e]{1,255}$/.test(value) || value.includes(',')) {
    throw new BadValue(
      'has a value that is empty, longer than 255 or not plain ASCII without commas and blanks',
    )
  }
}

function readHostHeader(value: string): string {
  if (!/^[\w.\-:[\]]{1,255}$/.test(value)) throw new BadValue('is not a host')
  return value
}
