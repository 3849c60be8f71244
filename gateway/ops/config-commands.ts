/** `config check` and `config show`. */
import { type Command, defineCommand } from '../../shared/command.js'
import { flag } from '../../shared/option-types.js'
import { defineOptions } from '../../shared/options.js'
import { checkGateway } from '../command.js'
import { control } from '../control/client.js'
import { gatewayOptions, gatewaySources } from '../options.js'
import { renderDifferences, renderSettings, type Setting, settingsOf } from './in-force.js'

/** Mistakes end every command with exit code 2 before it runs: what is left to say here is that there are none. */
const checkCommand = defineCommand({
  name: 'config check',
  summary: 'say all that is wrong in the configuration',
  options: gatewayOptions,
  ...gatewaySources,
  argument: { name: 'file', flag: 'config' },
  examples: [['gw-gateway config check gateway.yaml', 'exit code 2 where something is wrong']],
  resolve: (loaded, report) => checkGateway(loaded, report),
  run: async (_, { configFile }) => {
    process.stdout.write(
      configFile === undefined
        ? 'no gateway.yaml stands here; flags and environment are good\n'
        : `${configFile} is good\n`,
    )
    return 0
  },
})

const showCommand = defineCommand({
  name: 'config show',
  summary: 'print every option and where its value is from',
  options: defineOptions({
    ...gatewayOptions.specs,
    json: { type: flag(), group: 'output', file: false, help: 'as JSON, for programs' },
  }),
  ...gatewaySources,
  examples: [['gw-gateway config show', 'secrets are masked']],
  resolve: (loaded, report) => checkGateway(loaded, report),
  run: async (loaded, { configFile }) => {
    const settings = settingsOf(loaded)
    const running = (await control(loaded.values.dataDir, 'config').catch(() => undefined))?.answer
    if (loaded.values.json) {
      const options = Object.fromEntries(settings.map(({ name, ...rest }) => [name, rest]))
      process.stdout.write(`${JSON.stringify({ config: configFile ?? null, options }, null, 2)}\n`)
    } else {
      process.stdout.write(renderSettings(settings))
      if (running !== undefined) {
        process.stdout.write(renderDifferences(settings, running as Setting[], 'the running gateway'))
      }
    }
    return 0
  },
})

export const configCommands: readonly Command[] = [checkCommand, showCommand]
