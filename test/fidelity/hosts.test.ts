/** Which Host an upstream gets, and what of the caller's is kept for it. */
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { httpUpstream } from '../helpers/agent-rig.js'
import { call, startGateway } from '../helpers/tunnel.js'

const IDS = {
  rewrite: 'agent_550e8400-e29b-41d4-a716-446655440000_rewrite',
  preserve: 'agent_550e8400-e29b-41d4-a716-446655440000_preserve',
  'app.internal:81': 'agent_550e8400-e29b-41d4-a716-446655440000_literal',
}

t.test('an upstream gets the Host that the agent was told', async (t) => {
  const port = await httpUpstream(t, ({ rawHeaders }, response) => {
    const hosts = rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)]!.toLowerCase().endsWith('host'))
    response.end(JSON.stringify(hosts.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))))
  })
  const site = await startGateway(t, { domain: ['gw.test'] })
  for (const [hostHeader, tunnelId] of Object.entries(IDS)) {
    const agent = new Agent({ gateway: site.url, tunnelId, forward: `127.0.0.1:${port}`, hostHeader })
    t.teardown(() => agent.destroy())
    await agent.start()
    const purpose = tunnelId.split('_')[2]
    const label = `${purpose}-550e8400-e29b-41d4-a716-446655440000`
    const ways = [
      { url: `${site.url}/t/${tunnelId}`, host: 'caller.test:8080' },
      { url: site.url, host: `${label}.gw.test` },
      { url: site.url, host: `${label.toUpperCase()}.GW.test.:${site.port}` },
    ]
    for (const { url, host } of ways) {
      const { body } = await call(`${url}/`, { headers: { host } })
      const wanted =
        hostHeader === 'rewrite' ? `127.0.0.1:${port}` : hostHeader === 'preserve' ? host : hostHeader
      t.same(JSON.parse(body), ['host', wanted, 'x-forwarded-host', host], `${hostHeader}, ${host}`)
    }
  }
})
