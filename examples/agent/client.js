/**
 * Asks an agent twice in one session, at a gateway or, where none is named, in this process.
 *
 *   node examples/agent/client.js "What is in here?" "And how many are they?"
 *   GW_GATEWAY_URL=http://localhost:3000 node examples/agent/client.js "What is in here?"
 */
import { fileURLToPath } from 'node:url'
import { ExternalGateway, GatewayError, InProcessGateway } from 'gw-agent/client'

const { GW_GATEWAY_URL: url, GW_TOKEN: token } = process.env
const handlers = fileURLToPath(new URL('agent.js', import.meta.url))
const gateway = url ? new ExternalGateway(url, { token }) : new InProcessGateway({ handlers })

try {
  const session = await gateway.createSession({ userId: 'user_123', workspaceDir: process.cwd() })
  for (const userInput of process.argv.slice(2)) {
    for await (const { type, data } of gateway.execute(session, { userInput })) {
      if (type === 'text') process.stdout.write(data.text)
      if (type === 'tool_call') console.error(`${data.name} ${JSON.stringify(data.input)}`)
      if (type === 'error') console.error(`${data.code}: ${data.message}`)
    }
  }
} catch (error) {
  if (!(error instanceof GatewayError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
} finally {
  await gateway.close()
}
