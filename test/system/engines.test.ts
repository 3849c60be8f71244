/** Which engine runs, and what is said where the fast one does not load. */
import t from 'tap'
import type { EngineFactory } from '../../gateway/edge/engine.js'
import { loadEngine } from '../../gateway/edge/engines.js'
import { call, LogTape, spawnGateway, startGateway } from '../helpers/tunnel.js'
import { WITHOUT_UWS } from '../helpers/without-uws.js'

const missing = async (): Promise<EngineFactory> => {
  throw new Error('no binary here')
}
const options = { host: '127.0.0.1', port: 0, maxMessage: 1, maxBackpressure: 1, onError() {} }
const handlers = { request() {}, upgrade() {} }

t.test('auto falls back with one warning, which says why and how to get the fast one', async (t) => {
  const log = new LogTape()
  const create = await loadEngine('auto', log.logger, missing)
  t.equal(create(options, handlers).name, 'node')
  await log.find({ level: 'warn' })
  t.match(log.lines, [
    { level: 'warn', msg: /node:http/, reason: 'no binary here', remedy: /npx -y node@22/ },
  ])
  t.equal(log.lines.length, 1)
})

t.test('who asks for an engine gets that one or none', async (t) => {
  const log = new LogTape()
  await t.rejects(loadEngine('uws', log.logger, missing), /no binary here.*npx -y node@22.*--engine node/s)
  const create = await loadEngine('node', log.logger, missing)
  t.equal(create(options, handlers).name, 'node')
  t.strictSame(log.lines, [])
})

t.test('a gateway on either tells which one it has', async (t) => {
  const site = await startGateway(t, { engine: 'node' })
  t.match(await site.log.find({ msg: 'engine' }), { engine: 'node', node: process.versions.node })
  t.equal((await call(`${site.url}/health`)).status, 200)
  const process_ = await spawnGateway(t, '--engine', 'node')
  t.equal((await call(`${process_.url}/health`)).status, 200)
})

t.test('as a program: auto serves all the same, uws ends', async (t) => {
  const auto = await spawnGateway(t, { env: { NODE_OPTIONS: WITHOUT_UWS } }, '--engine', 'auto')
  t.equal((await call(`${auto.url}/health`)).status, 200)
  t.equal(auto.lines.filter((line) => line.includes('node:http serves')).length, 1)
  await t.rejects(
    spawnGateway(t, { env: { NODE_OPTIONS: WITHOUT_UWS } }, '--engine', 'uws'),
    /it ended with 1: .*uWebSockets/s,
  )
})
