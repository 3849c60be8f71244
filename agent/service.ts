import type { Command } from '../shared/command.js'
import { serviceCommands } from '../shared/service-commands.js'
import { agentOptions } from './options.js'

const ENVIRONMENT = `# Variables of the agent's service, one NAME=value a line. Only its owner reads this file.
# A credential of its own, from \`gw-gateway token create --role node\`; never the gateway's root secret:
#GW_AGENT_TOKEN=
`

/** `gw-agent service install` and `uninstall`. */
export const agentService: readonly Command[] = serviceCommands({
  name: 'gw-agent',
  description: 'gw agent',
  options: agentOptions,
  argument: { name: 'target', flag: 'forward' },
  serveWords: [],
  // The identity that it keeps.
  variable: 'XDG_STATE_HOME=%S/gw-agent',
  // Bad usage, and a gateway that refuses it for good.
  finalCodes: [2, 3],
  listens: false,
  environment: ENVIRONMENT,
  example: 'gw-agent service install 8080 --gateway https://gw.example.com',
})
