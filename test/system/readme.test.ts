/** The README's own commands, as a newcomer runs them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from '../../gateway/edge/free-port.js'
import { directoryFor } from '../helpers/directory.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

t.test('npm start runs a gateway and an echo agent, and prints a command that works', async (t) => {
  const port = await freePort('127.0.0.1')
  const state = directoryFor(t)
  const child = spawn(process.execPath, ['examples/start.js'], {
    cwd: root,
    env: { ...process.env, GW_PORT: String(port), XDG_STATE_HOME: state },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let command = ''
  for await (const line of createInterface(child.stdout)) {
    if (!line.includes('curl ')) continue
    command = line.trim()
    break
  }
  const [, url, body] = /^curl -X POST (\S+) -d '(.*)'$/.exec(command) ?? []
  t.equal(url, `http://localhost:${port}/forward`)
  const response = await fetch(url!.replace('localhost', '127.0.0.1'), { method: 'POST', body: body! })
  t.equal(response.status, 200)
  t.match(await response.json(), {
    method: 'POST',
    path: '/',
    body: '{"message":"Hello"}',
    tunnel_id: /^agent_/,
  })
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number | null]
  t.equal(code, 0)
})

t.test('the example of a handler serves', async (t) => {
  const { Gateway } = await import('../../gateway/gateway.js')
  const { createLogger } = await import('../../shared/log.js')
  const gateway = await Gateway.start({ port: 0, log: createLogger({ level: 'error', write: () => {} }) })
  const child = spawn(
    process.execPath,
    [
      'agent/bin/gw-agent.js',
      '--handlers',
      './examples/handlers.js',
      '--gateway',
      gateway.url,
      '--log-format',
      'json',
    ],
    {
      cwd: root,
      env: { ...process.env, XDG_STATE_HOME: directoryFor(t) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.teardown(async () => {
    child.kill('SIGKILL')
    await gateway.destroy()
  })
  for await (const line of createInterface(child.stdout)) if (line.includes('"connected"')) break
  const response = await fetch(`${gateway.url}/forward/hello?x=1`)
  t.equal(response.status, 200)
  t.ok((await response.text()).length > 0)
})
