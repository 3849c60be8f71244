import { type Command, defineCommand, type Started } from '../shared/command.js'
import { gatewayOptions, type LoadedGateway } from './options.js'

/** `gw-gateway [serve]`; `run` resolves to the exit code. */
export function serveCommand(run: (loaded: LoadedGateway, started: Started) => Promise<number>): Command {
  return defineCommand({
    name: 'serve',
    summary: 'accept agents and callers; done where no command is named',
    options: gatewayOptions,
    configFile: 'gateway.yaml',
    examples: [
      ['gw-gateway', 'listen on http://127.0.0.1:3000'],
      ['gw-gateway --port 8080 --domain gw.example.com', 'tunnels as hosts under a domain'],
      ['gw-gateway --config /etc/gw/gateway.yaml', 'options from a file'],
    ],
    resolve: (loaded) => loaded,
    run,
  })
}
