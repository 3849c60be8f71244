import { MAX_RANGES } from '../shared/limits.js'
import type { Report } from '../shared/options.js'
import type { TunnelId } from '../shared/tunnel-id.js'
import type { LoadedAgent, TunnelItem, TunnelSpecs, TunnelValues } from './options.js'
import type { PublicAccess } from './public-access.js'
import type { Target } from './target.js'

/** One tunnel of the process, everything decided. */
export interface TunnelConfig {
  /** Undefined: one that is kept for the gateway and the directory, see `identity.ts`. */
  readonly id: TunnelId | undefined
  /** Tells such tunnels of one process apart: the entry's name or number, empty without entries. */
  readonly slot: string
  /** With none of the next three the agent echoes. */
  readonly forward: Target | undefined
  /** A module. */
  readonly handlers: string | undefined
  /** A directory. */
  readonly static: string | undefined
  readonly name: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly weight: number
  readonly maxConcurrent: number
  /** Undefined where callers need a credential of the gateway. */
  readonly public: PublicAccess | undefined
  /** `rewrite`, `preserve`, or the value itself. */
  readonly hostHeader: string
  readonly upstreamTls: Tls
}

export interface Tls {
  /** File of certificates to trust beside the usual ones. */
  readonly ca: string | undefined
  readonly insecure: boolean
}

type Key = keyof TunnelSpecs

/** How near to the user a value stands: an entry of `tunnels` before the top level, a flag or variable before both. */
const RANKS = { flag: 4, env: 3, entry: 2, file: 1, default: 0 } as const

/** Who answers. Only what the nearest source says of these counts, so that `gw-agent 8080` leaves the file's others out. */
const ANSWERERS = ['forward', 'handlers', 'static'] as const satisfies readonly Key[]

/**
 * The entries of `tunnels`, each with the top level's values for what it does not say; without entries the top level
 * is the only one. Tunnel ids from a flag or a variable pick the entries that have them; an id that no entry has is
 * served as the top level says.
 */
export function resolveTunnels(loaded: LoadedAgent, mistake: Report): readonly TunnelConfig[] {
  const { values, items } = loaded
  const report = once(mistake)
  if (items.length === 0) return checked(expand(loaded, undefined, values.tunnelId, '', report), report)
  const asked = rankOf(loaded, undefined, 'tunnelId') >= RANKS.env ? values.tunnelId : undefined
  const tunnels = items.flatMap((item, index) => {
    const own = item.values.tunnelId
    if (own === undefined) return expand(loaded, item, values.tunnelId, String(index + 1), report)
    const picked = own.filter(({ id }) => asked === undefined || asked.some((one) => one.id === id))
    return picked.length === 0 ? [] : expand(loaded, item, picked, '', report)
  })
  const beyond = (asked ?? []).filter(({ id }) => !tunnels.some((tunnel) => tunnel.id?.id === id))
  return checked(
    beyond.length === 0 ? tunnels : [...tunnels, ...expand(loaded, undefined, beyond, '', report)],
    report,
  )
}

/** One tunnel for each id; one without where there is none. */
function expand(
  loaded: LoadedAgent,
  item: TunnelItem | undefined,
  ids: readonly TunnelId[],
  position: string,
  report: Report,
): TunnelConfig[] {
  const values = merge(loaded, item)
  const answerers = ANSWERERS.filter((key) => values[key] !== undefined)
  if (answerers.length > 1) report(`${answerers.map((key) => `--${key}`).join(' and ')} exclude each other`)
  const ownTls = [values.upstreamCa, item?.provenance.upstreamInsecure ?? loaded.provenance.upstreamInsecure]
  const tunnel = {
    slot: item?.values.name ?? position,
    forward: values.forward,
    handlers: values.handlers,
    static: values.static,
    name: values.name,
    labels: values.label,
    weight: values.weight,
    maxConcurrent: values.maxConcurrent,
    public: publicAccessOf(values, rankOf(loaded, item, 'public') > RANKS.default, report),
    hostHeader: values.hostHeader,
    upstreamTls: Object.freeze(
      ownTls.every((given) => given === undefined)
        ? { ca: loaded.values.ca, insecure: loaded.values.insecure }
        : { ca: values.upstreamCa, insecure: values.upstreamInsecure },
    ),
  }
  return (ids.length === 0 ? [undefined] : ids).map((id) => Object.freeze({ id, ...tunnel }))
}

/** `told`: it was said whether the tunnel is public. One that is not, among others that are, leaves their guard out. */
function publicAccessOf(values: TunnelValues, told: boolean, report: Report): PublicAccess | undefined {
  const { basicAuth, allowIp } = values
  if (!values.public) {
    if (basicAuth !== undefined && !told) report('--basic-auth needs --public')
    if (allowIp.length > 0 && !told) report('--allow-ip needs --public')
    return undefined
  }
  if (allowIp.length > MAX_RANGES)
    report(`--allow-ip: ${allowIp.length} ranges are given; it takes at most ${MAX_RANGES}`)
  return Object.freeze({ basicAuth, allowIp })
}

function merge(loaded: LoadedAgent, item: TunnelItem | undefined): TunnelValues {
  const entries = Object.entries(item?.values ?? {}) as [Key, unknown][]
  const own = entries.filter(([key]) => rankOf(loaded, item, key) === RANKS.entry)
  const nearest = Math.max(...ANSWERERS.map((key) => rankOf(loaded, item, key)))
  const left = ANSWERERS.filter((key) => rankOf(loaded, item, key) < nearest).map(
    (key) => [key, undefined] as const,
  )
  return { ...loaded.values, ...Object.fromEntries(own), ...Object.fromEntries(left) }
}

function rankOf(loaded: LoadedAgent, item: TunnelItem | undefined, key: Key): number {
  const top = RANKS[loaded.provenance[key]?.source.kind ?? 'default']
  return item?.provenance[key] === undefined ? top : Math.max(top, RANKS.entry)
}

function checked(tunnels: readonly TunnelConfig[], report: Report): readonly TunnelConfig[] {
  const ids = new Set<string>()
  const names = new Set<string>()
  for (const { id, name } of tunnels) {
    if (id !== undefined && ids.has(id.id))
      report(`--tunnel-id: ${id.id} is given to several tunnels; each takes its own`)
    if (name !== undefined && names.has(name))
      report(`--name: ${JSON.stringify(name)} is given to several tunnels; each takes its own`)
    if (id !== undefined) ids.add(id.id)
    if (name !== undefined) names.add(name)
  }
  return Object.freeze(tunnels)
}

/** What several entries inherit is one mistake. */
function once(report: Report): Report {
  const told = new Set<string>()
  return (mistake) => {
    if (!told.has(mistake)) report(mistake)
    told.add(mistake)
  }
}
