/** The command, and its live screen. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { StatusScreen, wantsScreen } from '../../agent/status.js'
import { httpUpstream, ID, listen, rig } from '../helpers/agent-rig.js'
import { FakeGateway } from '../helpers/fake-gateway.js'

/** The command in a process of its own. */
function command(t: Test, gateway: FakeGateway, ...args: string[]) {
  const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, '--gateway', gateway.url, '--tunnel-id', ID, ...args], {
    cwd: mkdtempSync(join(tmpdir(), 'gw-')),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (told.out += chunk))
  child.stderr.on('data', (chunk) => (told.err += chunk))
  t.teardown(() => child.kill('SIGKILL'))
  return { child, told, exit: once(child, 'close').then(([code]) => code as number) }
}

t.test('the command', async (t) => {
  await t.test('tells each time that it is connected, and drains at SIGTERM', async (t) => {
    const gateway = await FakeGateway.start()
    t.teardown(() => gateway.stop())
    let end: () => void = () => {}
    const port = await httpUpstream(t, (_request, response) => {
      response.write('first')
      end = () => response.end(' last')
    })
    const { child, told, exit } = command(t, gateway, String(port))
    const first = await gateway.link()
    await first.turn()
    const next = gateway.link()
    first.websocket.terminate()
    const exchange = await (await next).ask().answered
    child.kill('SIGTERM')
    await once(gateway.links.at(-1)!, 'goAway')
    end()
    t.equal((await exchange.done).text, 'first last')
    t.equal(await exit, 0)
    const lines = told.out.split('\n').filter((line) => /\bconnected\b/.test(line) && line.includes(ID))
    t.equal(lines.length, 2)
    t.equal(told.err, '')
  })

  await t.test('ends at once at the second signal', async (t) => {
    const gateway = await FakeGateway.start()
    t.teardown(() => gateway.stop())
    const server = createTcp()
    const { child, exit } = command(t, gateway, String(await listen(t, server)))
    const link = await gateway.link()
    link.ask()
    await once(server, 'connection')
    child.kill('SIGINT')
    await once(link, 'goAway')
    child.kill('SIGINT')
    t.equal(await exit, 1)
  })

  await t.test('says why it is refused', async (t) => {
    const body = JSON.stringify({ code: 'unauthorized', detail: 'the token has ended' })
    const gateway = await FakeGateway.start({ refuse: () => ({ status: 401, body }) })
    t.teardown(() => gateway.stop())
    const { told, exit } = command(t, gateway)
    t.equal(await exit, 3)
    t.match(told.err, /401 unauthorized: the token has ended/)
  })
})

t.test('the live screen', async (t) => {
  let shown = ''
  const terminal = { isTTY: true, columns: 40, write: (text: string) => (shown += text) }
  t.ok(wantsScreen(terminal, {}))
  t.notOk(wantsScreen(terminal, { CI: '1' }))
  t.notOk(wantsScreen(terminal, { TERM: 'dumb' }))
  t.notOk(wantsScreen({ ...terminal, isTTY: false }, {}))

  const screen = new StatusScreen(terminal, 'http://gateway.test')
  const observer = screen.tunnel(ID, 'echo')
  const { link } = await rig(t, { observer }, { urls: ['http://one.test'] })
  for (let i = 0; i < 10; i++) await link.ask({ target: `/${i}` }).done
  await link.ask({ target: '/\u001b[31m/long/long/long/long/long/long' }).done
  screen.print('a line\n')
  shown = ''
  screen.close()
  const lines = shown.split('\n')
  t.match(shown, /gateway {3}http:\/\/gateway\.test/)
  t.match(shown, /state {5}connected/)
  t.match(shown, /reach {5}http:\/\/one\.test/)
  t.match(shown, /requests {2}11, 0 failed, 0 in flight/)
  t.match(shown, /latency {3}p50 [\d.]+ ms, p90 [\d.]+ ms/)
  t.notMatch(shown, /GET \/2\n/, 'only the last eight')
  t.match(shown, /200 .* GET \/9\n/)
  t.match(shown, /GET \/\\x1b\[31m/)
  t.ok(
    lines.slice(1).every((line) => line.length < 40 || line.includes('\u001b')),
    'no line wraps',
  )
  t.ok(shown.endsWith('\u001b[?25h'), 'the cursor is back')
})
