import { type Command, defineCommand, type Started } from '../shared/command.js'
import type { Report } from '../shared/options.js'
import { accessSettings } from './access/settings.js'
import { checkTls } from './options/tls.js'
import { gatewayOptions, gatewaySources, type LoadedGateway } from './options.js'

/** Rules that join several options, and the files that they name. */
export function checkGateway<L extends LoadedGateway>(loaded: L, report: Report): L {
  accessSettings(loaded.values, report)
  checkTls(loaded.values, report)
  return loaded
}

/** `gw-gateway [serve]`; `run` resolves to the exit code. */
export function serveCommand(
  run: (loaded: LoadedGateway, started: Started<LoadedGateway>) => Promise<number>,
): Command {
  return defineCommand({
    name: 'serve',
    summary: 'accept agents and callers; the default',
    options: gatewayOptions,
    ...gatewaySources,
    examples: [
      ['gw-gateway', 'listen on http://127.0.0.1:3000'],
      ['gw-gateway --port 8080 --domain gw.example.com', 'tunnels as hosts under a domain'],
      ['gw-gateway --config /etc/gw/gateway.yaml', 'options from a file'],
    ],
    resolve: checkGateway,
    run,
  })
}
