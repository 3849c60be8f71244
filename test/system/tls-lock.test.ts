/** What the gateway says to callers without a certificate, and to connections past its bound. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { folderOf, ID } from '../helpers/agent-rig.js'
import { CALLER, CALLERS, tlsFiles } from '../helpers/certificate.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { secureAsk } from '../helpers/tls-caller.js'
import { call, startGateway } from '../helpers/tunnel.js'

for (const engine of ENGINES) {
  t.test(`${engine}: with --tls-ca only the probes are open to those without a certificate`, async (t) => {
    const { cert, key, ca } = tlsFiles(folderOf('tls'), { ca: CALLERS })
    const site = await startGateway(t, { engine, tlsCert: cert, tlsKey: key, tlsCa: ca })
    const agent = new Agent({ gateway: site.url, tunnelId: ID, tls: { insecure: true } })
    agent.start().catch(() => {})
    t.match(await agent.ended, { name: 'RefusedError', message: /403 forbidden/ })
    for (const path of ['/', '/health', '/healthz', '/readyz'])
      t.not((await secureAsk(site.port, {}, path)).status, 403, path)
    for (const path of ['/connections', `/t/${ID}/`, '/nothing']) {
      const { status, body } = await secureAsk(site.port, {}, path)
      t.match({ status, code: JSON.parse(body).code }, { status: 403, code: 'forbidden' }, path)
      t.not((await secureAsk(site.port, CALLER, path)).status, 403, `${path} with one`)
    }
  })

  t.test(`${engine}: past --max-connections 503, until there is room`, async (t) => {
    const site = await startGateway(t, { engine, maxConnections: 2 })
    const held = [connect(site.port, '127.0.0.1'), connect(site.port, '127.0.0.1')]
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    // Connected is not yet accepted.
    let answer = await call(`${site.url}/health`)
    while (answer.status !== 503) answer = await call(`${site.url}/health`)
    t.equal(answer.code, 'overloaded')
    for (const socket of held) socket.destroy()
    while (answer.status !== 200) answer = await call(`${site.url}/health`)
  })
}
