/** An MCP server over streamable HTTP: a session, tools, and notifications while a call is running. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { listening, startTunnel } from '../helpers/processes.js'

t.test('an MCP client holds a session', async (t) => {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  let next: () => void = () => {}
  const mcpServer = (): McpServer => {
    const server = new McpServer({ name: 'count', version: '1.0.0' }, { capabilities: { logging: {} } })
    server.registerTool('count', { description: 'counts' }, async ({ sendNotification }) => {
      for (const data of [1, 2, 3]) {
        const heard = new Promise<void>((resolve) => (next = resolve))
        await sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
        // The client has it before the next is written.
        await heard
      }
      return { content: [{ type: 'text', text: 'counted' }] }
    })
    return server
  }
  const web = createServer(async (request, response) => {
    const id = request.headers['mcp-session-id']
    let transport = typeof id === 'string' ? sessions.get(id) : undefined
    if (transport === undefined) {
      const made = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session) => void sessions.set(session, made),
        onsessionclosed: (session) => void sessions.delete(session),
      })
      transport = made
      await mcpServer().connect(made as Parameters<McpServer['connect']>[0])
    }
    await transport.handleRequest(request, response)
  })
  const tunnel = await startTunnel(t, await listening(t, web))

  const transport = new StreamableHTTPClientTransport(new URL(`${tunnel.url}/mcp`))
  const client = new Client({ name: 'test', version: '1.0.0' })
  const heard: unknown[] = []
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    heard.push(params.data)
    next()
  })
  await client.connect(transport as Parameters<Client['connect']>[0])
  t.equal(sessions.size, 1)
  t.ok(sessions.has(transport.sessionId ?? ''), 'the client has the session of the server')
  const { tools } = await client.listTools()
  t.equal(tools[0]?.name, 'count')
  const result = await client.callTool({ name: 'count' })
  t.same(result.content, [{ type: 'text', text: 'counted' }])
  t.same(heard, [1, 2, 3])
  await transport.terminateSession()
  t.equal(sessions.size, 0, 'DELETE ends the session')
  await client.close()
})
