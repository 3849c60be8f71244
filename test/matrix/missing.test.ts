/** Whoever asks for the fast engine and does not get it is told so by a command that fails. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { directoryFor } from '../helpers/directory.js'
import { WITHOUT_UWS } from '../helpers/without-uws.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** @returns with what it ended, and what it said. */
async function ended(t: Test, args: string[], env: NodeJS.ProcessEnv): Promise<[number | null, string]> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: WITHOUT_UWS, XDG_STATE_HOME: directoryFor(t), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return [code, said]
}

t.test('npm start', async (t) => {
  const [code, said] = await ended(t, ['examples/start.js'], { GW_ENGINE: 'uws', GW_PORT: '0' })
  t.equal(code, 1)
  t.match(said, /uWebSockets\.js has no binary that loads.*npx -y node@22.*--engine node/s)
})

t.test('the benchmark', async (t) => {
  const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url))
  const [code, said] = await ended(t, [main, '--engine', 'uws', '--scenario', 'idle', '--rounds', '1'], {})
  t.ok(code !== 0 && code !== null, `it ends with ${code}`)
  t.match(said, /uWebSockets\.js has no binary that loads/)
})

t.test('the tests', async (t) => {
  const suite = fileURLToPath(new URL('../system/engine.test.js', import.meta.url))
  const [code, said] = await ended(t, [suite], { GW_TEST_ENGINES: 'uws,node' })
  t.equal(code, 1)
  t.match(said, /uWebSockets\.js has no binary that loads/)
})
