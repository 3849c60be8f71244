/** systemd units for either command: what they say, and where they stand. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Whose manager runs it: the system's, or that of one user. */
export type Manager = 'system' | 'user'

export interface Service {
  /** Of the unit, and of its directories for configuration and state. */
  readonly name: string
  readonly description: string
  /** The command line, beginning with node and the script. */
  readonly run: readonly string[]
  /** Another, that has the running service take new configuration up. */
  readonly reload?: readonly string[]
  /** `NAME=value`, no secrets; `%S` is the directory of states. */
  readonly variable: string
  /** With these the service has ended for good: a new start would end so again. */
  readonly finalCodes: readonly number[]
  /** Whether it listens, maybe on a port below 1024. */
  readonly listens: boolean
  /** What the file for its variables is to tell whoever opens it; comments. */
  readonly environment: string
}

export interface Places {
  readonly unit: string
  /** Variables, secrets among them: 0600, read by the manager. */
  readonly environment: string
  /** Where it runs, so that config files are found by their names. */
  readonly directory: string
}

/** Thrown where a unit is not ours to touch, or the system refuses; the message says what to do. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
}

/** Files that lack it were not written here. */
const MARK = '# Written by gw.'

type Env = Readonly<Record<string, string | undefined>>

export function placesOf(name: string, manager: Manager, env: Env): Places {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  const directory = manager === 'system' ? join('/etc', name) : join(config, name)
  const units = manager === 'system' ? '/etc/systemd/system' : join(config, 'systemd', 'user')
  return { unit: join(units, `${name}.service`), environment: join(directory, 'environment'), directory }
}

export function renderUnit(service: Service, manager: Manager, places: Places): string {
  const { name, description, run, reload, variable, finalCodes, listens } = service
  const capabilities = listens ? 'CAP_NET_BIND_SERVICE' : ''
  const system = manager === 'system'
  return [
    `${MARK} Changes belong into \`systemctl ${system ? '' : '--user '}edit ${name}\`.`,
    '[Unit]',
    `Description=${description}`,
    ...(system ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    // It tries for ever: what it waits for may come back at any time.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${run.map(quoted).join(' ')}`,
    ...(reload === undefined ? [] : [`ExecReload=${reload.map(quoted).join(' ')}`]),
    `WorkingDirectory=-${specifier(places.directory)}`,
    `EnvironmentFile=-${specifier(places.environment)}`,
    `StateDirectory=${name}`,
    'StateDirectoryMode=0700',
    `Environment=${variable}`,
    'Restart=on-failure',
    'RestartSec=2',
    `RestartPreventExitStatus=${finalCodes.join(' ')}`,
    // SIGTERM to the process alone: it drains, and ends what it has started. Longer than the default drain timeout.
    'KillMode=mixed',
    'TimeoutStopSec=45',
    'LimitNOFILE=65536',
    'UMask=0077',
    ...HARDENING,
    ...(system
      ? [
          ...SYSTEM_HARDENING,
          `AmbientCapabilities=${capabilities}`,
          `CapabilityBoundingSet=${capabilities}`,
          `ProtectHome=${underHome(run) ? 'read-only' : 'yes'}`,
        ]
      : []),
    '',
    '[Install]',
    `WantedBy=${system ? 'multi-user.target' : 'default.target'}`,
    '',
  ].join('\n')
}

/** What a user's manager can do as well. Not MemoryDenyWriteExecute: V8 compiles to memory. */
const HARDENING = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  'SystemCallArchitectures=native',
]

const SYSTEM_HARDENING = [
  'DynamicUser=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectSystem=strict',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectProc=invisible',
  'RemoveIPC=yes',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'SystemCallFilter=@system-service',
]

/** @returns the lines that tell what was done and what is left to do. */
export function installService(service: Service, manager: Manager, env: Env): string[] {
  const places = placesOf(service.name, manager, env)
  refuseForeign(places.unit)
  return allowed(() => {
    mkdirSync(dirname(places.unit), { recursive: true })
    mkdirSync(places.directory, { recursive: true, mode: manager === 'system' ? 0o755 : 0o700 })
    if (!existsSync(places.environment))
      writeFileSync(places.environment, service.environment, { mode: 0o600 })
    writeFileSync(places.unit, renderUnit(service, manager, places), { mode: 0o644 })
    const control = manager === 'system' ? 'systemctl' : 'systemctl --user'
    const known = systemctl(manager, 'daemon-reload')
    return [
      `written: ${places.unit}`,
      `variables and secrets: ${places.environment}`,
      `configuration: ${places.directory}`,
      `next: ${known ? '' : `${control} daemon-reload && `}${control} enable --now ${service.name}`,
    ]
  })
}

/** Ends the service and removes its unit. Configuration, secrets and state stay. */
export function uninstallService(name: string, manager: Manager, env: Env): string[] {
  const places = placesOf(name, manager, env)
  if (!existsSync(places.unit)) return [`not installed: there is no ${places.unit}`]
  refuseForeign(places.unit)
  return allowed(() => {
    systemctl(manager, 'disable', '--now', name)
    rmSync(places.unit)
    systemctl(manager, 'daemon-reload')
    return [`removed: ${places.unit}`, `left: ${places.directory}`]
  })
}

function refuseForeign(unit: string): void {
  if (existsSync(unit) && !readFileSync(unit, 'utf8').startsWith(MARK))
    throw new ServiceError(`${unit} was not written by this command: move it away first`)
}

function allowed<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
    throw new ServiceError(`${path} may not be written: run this as root, or with --user`, { cause: error })
  }
}

/** False where there is no such manager to be told. */
function systemctl(manager: Manager, ...args: string[]): boolean {
  const { status } = spawnSync('systemctl', [...(manager === 'user' ? ['--user'] : []), ...args], {
    stdio: 'ignore',
    timeout: 60_000,
  })
  return status === 0
}

/** A word of a command line, with nothing for systemd to replace in it. */
function quoted(word: string): string {
  const text = specifier(word).replace(/[\\"]/g, '\\$&').replaceAll('$', '$$$$')
  return /^[\w\-./=:,@%+]+$/.test(text) ? text : `"${text}"`
}

const specifier = (path: string): string => path.replaceAll('%', '%%')

const underHome = (run: readonly string[]): boolean =>
  run.slice(0, 2).some((part) => /^\/(home|root|run\/user)\//.test(part))
