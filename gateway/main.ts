/** The command `gw-gateway`. */
import { main, processLogger } from '../shared/program.js'
import { serveCommand } from './command.js'
import { Gateway, VERSION } from './gateway.js'
import type { LoadedGateway } from './options.js'

/** @returns the exit code. */
async function run({ values: options }: LoadedGateway): Promise<number> {
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
  commands: [serveCommand(run)],
})
