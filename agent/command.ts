import { type Command, defineCommand, type Started } from '../shared/command.js'
import { type AgentConfig, resolveAgent } from './config.js'
import { agentOptions } from './options.js'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

/** `gw-agent [target]`; `run` resolves to the exit code. */
export function agentCommand(run: (config: AgentConfig, started: Started) => Promise<number>): Command {
  return defineCommand({
    name: '',
    summary: '',
    options: agentOptions,
    configFile: 'gw-agent.yaml',
    argument: { name: 'target', flag: 'forward' },
    examples: [
      ['gw-agent 8080', 'http://localhost:8080 by a tunnel id that is kept'],
      [`gw-agent 8080 --tunnel-id ${ID}`, 'by this one'],
      ['gw-agent --static ./site --gateway https://gw.example.com', 'a directory'],
      ['gw-agent', 'an echo, to see the whole way work'],
    ],
    // A hook's command is told of a tunnel by this variable, which must not make it another instance of that tunnel.
    ignored: (env) => (env.GW_EVENT_TYPE === undefined ? [] : ['GW_TUNNEL_ID']),
    resolve: resolveAgent,
    run,
  })
}
