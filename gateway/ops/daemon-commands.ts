/** `start`, `stop`, `restart`, `status`, `reload`: commands about a gateway that runs on a data directory. */
import { resolve } from 'node:path'
import { type Command, defineCommand, type Flags } from '../../shared/command.js'
import { assertNever } from '../../shared/errors.js'
import { specs } from '../../shared/option-spec.js'
import { flag, path } from '../../shared/option-types.js'
import { defineOptions } from '../../shared/options.js'
import { formatDuration } from '../../shared/quantity.js'
import { checkGateway } from '../command.js'
import { ControlError, control } from '../control/client.js'
import { filesOptions } from '../options/files.js'
import { timeoutsOptions } from '../options/timeouts.js'
import { gatewayOptions, gatewaySources } from '../options.js'
import { logfileOf, restart, start, stop, told, type Voice } from './daemon.js'
import type { Applied } from './live.js'
import { type Standing, standingOf } from './standing.js'

const terminal: Voice = {
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`gw-gateway: ${line}\n`),
}

const backgroundSpecs = specs({
  logfile: {
    type: path(),
    group: 'background',
    otherwise: 'gateway.log in the data directory',
    file: false,
    help: 'where its output goes',
  },
})

const jsonSpecs = specs({
  json: { type: flag(), group: 'output', file: false, help: 'as JSON, for programs' },
})

/** What leads to a gateway: its data directory, which its config file may name. */
const placeSpecs = specs({ dataDir: filesOptions.dataDir, config: filesOptions.config })

/** For one that does not answer, and cannot say what it has. */
const endSpecs = specs({ ...placeSpecs, drainTimeout: { ...timeoutsOptions.drainTimeout, file: false } })

const startCommand = defineCommand({
  name: 'start',
  summary: 'serve in the background; returns once it is ready',
  options: defineOptions({ ...gatewayOptions.specs, ...backgroundSpecs }),
  ...gatewaySources,
  examples: [
    ['gw-gateway start', 'in the background, with its log in .gw/gateway.log'],
    ['gw-gateway start --port 8080 --logfile /var/log/gw.log', 'with the options of serve'],
  ],
  resolve: (loaded, report) => checkGateway(loaded, report),
  run: ({ values }, { flags }) =>
    start(values.dataDir, launchOf(flags, values.dataDir, values.logfile), terminal),
})

const stopCommand = defineCommand({
  name: 'stop',
  summary: 'drain and end it; exit code 1 if it was killed',
  options: defineOptions(endSpecs),
  ...gatewaySources,
  partly: true,
  examples: [['gw-gateway stop', 'what is in flight may finish']],
  resolve: ({ values }) => values,
  run: ({ dataDir, drainTimeout }) => stop(dataDir, drainTimeout, terminal),
})

const restartCommand = defineCommand({
  name: 'restart',
  summary: 'stop it, and start it as it was started',
  options: defineOptions(endSpecs),
  ...gatewaySources,
  partly: true,
  examples: [['gw-gateway restart', 'takes up what a reload cannot']],
  resolve: ({ values }) => values,
  run: ({ dataDir, drainTimeout }, { flags }) =>
    restart(dataDir, drainTimeout, launchOf(flags, dataDir, undefined), terminal),
})

const statusCommand = defineCommand({
  name: 'status',
  summary: 'whether it runs, and where; exit code 1 if not',
  options: defineOptions({ ...placeSpecs, ...jsonSpecs }),
  ...gatewaySources,
  partly: true,
  examples: [['gw-gateway status --json', 'for programs']],
  resolve: ({ values }) => values,
  run: ({ dataDir, json }) => status(dataDir, json),
})

const reloadCommand = defineCommand({
  name: 'reload',
  summary: 'have it read its configuration anew',
  options: defineOptions(placeSpecs),
  ...gatewaySources,
  partly: true,
  examples: [['gw-gateway reload', 'says what was taken up and what needs a restart']],
  resolve: ({ values }) => values,
  run: ({ dataDir }) => reload(dataDir),
})

export const daemonCommands: readonly Command[] = [
  startCommand,
  statusCommand,
  stopCommand,
  restartCommand,
  reloadCommand,
]

/** The flags as they were given, but for those that are not for `serve`. */
function launchOf(flags: Flags, dataDir: string, logfile: string | undefined) {
  const args = [...flags].flatMap(([name, texts]) =>
    name in backgroundSpecs ? [] : texts.map((text) => `--${name}=${text}`),
  )
  return { args, directory: process.cwd(), logfile: logfileOf(dataDir, logfile) }
}

async function status(dataDir: string, json: boolean): Promise<number> {
  const standing = await standingOf(dataDir)
  const running = standing.kind === 'running' || standing.kind === 'mute'
  if (json) {
    terminal.say(JSON.stringify({ running, data_dir: resolve(dataDir), ...factsOf(standing) }))
  } else if (standing.kind === 'running') {
    const { version, started_at, draining } = standing.report
    const state = draining ? 'draining' : 'running'
    terminal.say(
      `${state}: ${told(standing)}, version ${version}, for ${roughly(Date.now() - Date.parse(started_at))}`,
    )
  } else if (standing.kind === 'mute') terminal.say(`running, but it does not answer: ${told(standing)}`)
  else {
    const died = standing.kind === 'dead' ? `: pid ${standing.entry.pid} was killed` : ''
    terminal.say(`not running${died}`)
  }
  return standing.kind === 'running' ? 0 : 1
}

/** In seconds, from two minutes on in minutes, from two hours on in hours. */
function roughly(milliseconds: number): string {
  const unit = [3_600_000, 60_000].find((one) => milliseconds >= 2 * one) ?? 1000
  return formatDuration(Math.max(0, Math.round(milliseconds / unit)) * unit)
}

/** Beside whether it runs. Of one that does not answer no more is known than its pid. */
function factsOf(standing: Standing): object {
  switch (standing.kind) {
    case 'running': {
      const { began: _, ...facts } = standing.report
      return { answers: true, ...facts }
    }
    case 'mute':
      return { answers: false, pid: standing.process?.pid ?? null }
    case 'dead':
      return { killed_pid: standing.entry.pid }
    case 'stopped':
      return {}
    default:
      return assertNever(standing)
  }
}

async function reload(dataDir: string): Promise<number> {
  try {
    const answered = await control(dataDir, 'reload')
    if (answered === undefined) {
      terminal.complain(`no gateway runs on the data directory ${dataDir}`)
      return 1
    }
    const { changed, restart: waiting } = answered.answer as Applied
    if (changed.length > 0) terminal.say(`taken up: ${changed.join(', ')}`)
    if (waiting.length > 0) terminal.say(`needs a restart: ${waiting.join(', ')}`)
    if (changed.length + waiting.length === 0) terminal.say('nothing has changed')
    return 0
  } catch (error) {
    if (!(error instanceof ControlError) || error.code !== 'bad_configuration') throw error
    error.message.split('\n').forEach(terminal.complain)
    terminal.complain('the running configuration stays as it was')
    return 2
  }
}
