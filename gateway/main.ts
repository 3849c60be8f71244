/** The command `gw-gateway`. */
import { main } from '../shared/program.js'
import { packageVersion } from '../shared/version.js'
import { accessCommands } from './access/commands.js'
import { serveCommand } from './command.js'
import { configCommands } from './ops/config-commands.js'
import { daemonCommands } from './ops/daemon-commands.js'
import { gatewayService } from './ops/service.js'

/** Loaded only where it is run: the other commands are quick without it. */
const serve: typeof import('./serve.js').serve = async (loaded, started) =>
  (await import('./serve.js')).serve(loaded, started)

await main({
  name: 'gw-gateway',
  version: packageVersion(import.meta.url),
  summary: 'The gateway that agents dial in to and callers send HTTP to.',
  commands: [serveCommand(serve), ...daemonCommands, ...configCommands, ...accessCommands, ...gatewayService],
})
