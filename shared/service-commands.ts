/** `service install` and `service uninstall` of either command. */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, type CommandSpec, defineCommand, type Flags } from './command.js'
import { flagName, type Report, type Specs, specs } from './option-spec.js'
import { flag } from './option-types.js'
import { defineOptions, type Options } from './options.js'
import {
  installService,
  type Manager,
  placesOf,
  renderUnit,
  type Service,
  uninstallService,
} from './systemd.js'

export interface Installable<S extends Specs, I extends Specs>
  extends Pick<Service, 'name' | 'description' | 'variable' | 'finalCodes' | 'listens' | 'environment'> {
  /** Its options: those that are given at the installation are those of the service. */
  readonly options: Options<S, I>
  readonly argument?: NonNullable<CommandSpec<S, I, unknown>['argument']>
  /** Words of the command line that serves, and of the one that reloads. */
  readonly serveWords: readonly string[]
  readonly reloadWords?: readonly string[]
  readonly example: string
}

const serviceSpecs = specs({
  user: { type: flag(), group: 'service', file: false, help: "of this user's service manager" },
  system: {
    type: flag(),
    group: 'service',
    file: false,
    otherwise: 'for root',
    help: "of the system's service manager",
  },
})

const printSpecs = specs({
  print: { type: flag(), group: 'service', file: false, help: 'print the unit and change nothing' },
})

export function serviceCommands<S extends Specs, I extends Specs>(what: Installable<S, I>): Command[] {
  const { name, options, argument } = what
  const own: Specs = { ...serviceSpecs, ...printSpecs }
  const install = defineCommand({
    name: 'service install',
    summary: 'write a systemd unit with the options given here',
    options: defineOptions<Specs, I>({ ...options.specs, ...own }, options.list),
    ...(argument === undefined ? {} : { argument }),
    examples: [
      [what.example, 'started at boot, restarted when it fails'],
      [`${name} service install --print`, 'only show the unit'],
    ],
    resolve: ({ values, provenance }, report) => {
      for (const [key, spec] of Object.entries(options.specs)) {
        if (spec.secret && provenance[key]?.source.kind === 'flag')
          report(
            `--${flagName(key)}: everybody may read a unit; put the secret into the service's environment`,
          )
      }
      return { manager: managerOf(values as Asked, report), print: values.print === true }
    },
    run: async ({ manager, print }, { flags }) => {
      const service = serviceOf(what, flags, own)
      if (print) process.stdout.write(renderUnit(service, manager, placesOf(name, manager, process.env)))
      else tell(installService(service, manager, process.env))
      return 0
    },
  })
  const uninstall = defineCommand({
    name: 'service uninstall',
    summary: 'end the service and remove its unit, nothing else',
    options: defineOptions(serviceSpecs),
    examples: [[`${name} service uninstall`, 'of the manager it was installed with']],
    resolve: ({ values }, report) => managerOf(values, report),
    run: async (manager) => {
      tell(uninstallService(name, manager, process.env))
      return 0
    },
  })
  return [install, uninstall]
}

type Asked = { readonly user: boolean; readonly system: boolean }

function managerOf({ user, system }: Asked, report: Report): Manager {
  if (user && system) report('--user and --system exclude each other')
  if (user) return 'user'
  return system || process.geteuid?.() === 0 ? 'system' : 'user'
}

function serviceOf<S extends Specs, I extends Specs>(
  what: Installable<S, I>,
  flags: Flags,
  own: Specs,
): Service {
  const program = [process.execPath, realpathSync(process.argv[1]!)]
  const args = Object.entries(what.options.specs).flatMap(([key, spec]) => {
    if (key in own) return []
    // The service runs elsewhere.
    const isPath = ['FILE', 'DIR', 'MODULE'].includes(spec.type.metavar)
    const texts = flags.get(flagName(key)) ?? []
    return texts.map((text) => `--${flagName(key)}=${isPath ? resolve(text) : text}`)
  })
  return {
    ...what,
    run: [...program, ...what.serveWords, ...args],
    ...(what.reloadWords === undefined ? {} : { reload: [...program, ...what.reloadWords] }),
  }
}

function tell(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}
