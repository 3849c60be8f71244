import type { Command } from '../../shared/command.js'
import { serviceCommands } from '../../shared/service-commands.js'
import { gatewayOptions } from '../options.js'

const ENVIRONMENT = `# Variables of the gateway's service, one NAME=value a line. Only its owner reads this file.
# The root secret, with auth: token in gateway.yaml:
#GW_TOKEN=
`

/** `gw-gateway service install` and `uninstall`. */
export const gatewayService: readonly Command[] = serviceCommands({
  name: 'gw-gateway',
  description: 'gw gateway',
  options: gatewayOptions,
  serveWords: ['serve'],
  reloadWords: ['reload'],
  variable: 'GW_DATA_DIR=%S/gw-gateway',
  finalCodes: [2],
  listens: true,
  environment: ENVIRONMENT,
  example: 'gw-gateway service install --port 8080',
})
