/** The gateway's own suites, once more over the other engine. */
import t from 'tap'
import { ENGINES } from '../helpers/engine-suite.js'

const SUITES = [
  './access.test.js',
  './access-strict.test.js',
  './gateway.test.js',
  './gateway-connections.test.js',
  './gateway-flow.test.js',
  './gateway-http.test.js',
  './gateway-life.test.js',
  './gateway-links.test.js',
  './gateway-moves.test.js',
  './gateway-waits.test.js',
  './inspect.test.js',
  './websocket.test.js',
  './websocket-handshake.test.js',
  './websocket-limits.test.js',
]

if (!ENGINES.includes('node')) t.test('over node', { skip: 'other engines were asked for' }, async () => {})
else if (ENGINES[0] === 'node') t.pass('they run over it by themselves')
else {
  process.env.GW_TEST_ENGINE = 'node'
  for (const suite of SUITES) await import(suite)
}
