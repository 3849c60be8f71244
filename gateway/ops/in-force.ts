import { flagName, formatSource, type Provenance, type Specs } from '../../shared/option-spec.js'
import { gatewayOptions, type LoadedGateway } from '../options.js'

/** One option as it is in force: what was written, and where. */
export interface Setting {
  /** As in the file. */
  readonly name: string
  /** As it was written, masked if secret; null where nothing was, and there is no default. */
  readonly value: string | null
  /** `flag`, `env GW_PORT`, `gateway.yaml:3:15`, `default`. */
  readonly from: string
  /** A running gateway takes a change up. */
  readonly live: boolean
}

const SPECS: Specs = gatewayOptions.specs

export function settingsOf({ provenance }: Pick<LoadedGateway, 'provenance'>): Setting[] {
  const given: Readonly<Record<string, Provenance | undefined>> = provenance
  return Object.entries(SPECS).map(([key, spec]) => ({
    name: flagName(key),
    value: given[key]?.text ?? null,
    from: given[key] === undefined ? 'default' : formatSource(given[key].source),
    live: spec.live === true,
  }))
}

/** In columns; an option that nobody set tells what happens then. */
export function renderSettings(settings: readonly Setting[]): string {
  const rows = settings.map(({ name, value, from }) => [name, value ?? otherwise(name), from] as const)
  const [names, values] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = ([name, value, from]: (typeof rows)[number]): string =>
    `${name.padEnd(names!)}  ${value.padEnd(Math.min(values!, WIDEST_VALUE))}  ${from}`
  return `${rows.map(line).join('\n')}\n`
}

/** What a running gateway has otherwise than `now`. */
export function renderDifferences(now: readonly Setting[], running: readonly Setting[], who: string): string {
  const lines = now.flatMap(({ name, value, live }) => {
    const its = running.find((setting) => setting.name === name)
    if (its === undefined || its.value === value) return []
    const how = live ? 'gw-gateway reload takes the new one up' : 'needs a restart'
    return [`# ${name}: ${who} has ${its.value ?? otherwise(name)} (${its.from}); ${how}\n`]
  })
  return lines.join('')
}

const WIDEST_VALUE = 40

const KEYS = new Map(Object.keys(SPECS).map((key) => [flagName(key), key]))

function otherwise(name: string): string {
  const spec = SPECS[KEYS.get(name) ?? '']
  if (spec?.otherwise !== undefined) return `(${spec.otherwise})`
  return spec?.type.shape === 'switch' ? 'false' : '-'
}
