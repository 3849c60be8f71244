/** The command `gw-gateway`. */
import { defineCommand } from '../shared/command.js'
import { main, processLogger } from '../shared/program.js'
import { Gateway, VERSION } from './gateway.js'
import { type GatewayOptions, gatewayOptions } from './options.js'

const serve = defineCommand({
  name: 'serve',
  summary: 'accept agents and callers (the default)',
  options: gatewayOptions,
  configFile: 'gateway.yaml',
  examples: [
    ['gw-gateway', 'listen on 127.0.0.1:3000'],
    ['gw-gateway --host 0.0.0.0 --port 80 --domain tunnels.example.com', 'with a host name for each tunnel'],
  ],
  resolve: (loaded) => loaded.values,
  run,
})

/** @returns the exit code. */
async function run(options: GatewayOptions): Promise<number> {
  const log = processLogger(options)
  const gateway = await Gateway.start({ ...options, log })
  log.notice(`listening on ${gateway.url}`, { version: VERSION })
  log.flush()
  await signalled()
  log.info('draining', { timeout_ms: options.drainTimeout })
  await gateway.stop()
  log.info('stopped')
  log.flush()
  return 0
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let first = true
    const onSignal = (): void => {
      if (!first) process.exit(1)
      first = false
      resolve()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}

await main({
  name: 'gw-gateway',
  version: VERSION,
  summary: 'The gateway that agents dial in to and callers send HTTP to.',
  commands: [serve],
})
