/** A gateway in the background, and the configuration of one that runs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { Chance } from '../helpers/chaos-chance.js'
import { alive, Daemons, kill } from '../helpers/daemons.js'
import { listening } from '../helpers/processes.js'
import { RawAgent, tunnelId } from '../helpers/raw-agent.js'
import { call } from '../helpers/tunnel.js'

/** Rounds of chance; `GW_TEST_ROUNDS=100` plays more, `GW_TEST_SEED` the same again. */
const ROUNDS = Number(process.env.GW_TEST_ROUNDS ?? 8)
const SEED = Number(process.env.GW_TEST_SEED ?? Date.now() % 100_000)

const url = (said: string): string => /http:\/\/127\.0\.0\.1:\d+/.exec(said)![0]

// Most of this is waiting for processes to load.
t.jobs = 4
t.setTimeout(60_000 + 2000 * ROUNDS)

t.test('start, status, restart, stop', async (t) => {
  const gateway = new Daemons(t)
  t.match(await gateway.run('stop'), { code: 0, out: 'not running\n' })
  t.match(await gateway.run('reload'), { code: 1, err: /no gateway runs on the data directory \.gw/ })

  const started = await gateway.run('start --port 0 --hold=1s --logfile own.log')
  t.match(started, { code: 0, err: '', out: /^running: pid \d+, http:.*own\.log\n$/ })
  const pid = gateway.pid()!
  t.match(await call(`${url(started.out)}/health`), { status: 200 }, 'it is ready')
  t.match(await gateway.status(), {
    running: true,
    answers: true,
    pid,
    url: url(started.out),
    draining: false,
  })
  t.equal(statSync(join(gateway.directory, 'own.log')).mode & 0o777, 0o600)
  for (const name of ['control.sock', 'gateway.lock', 'gateway.pid'])
    t.equal(statSync(join(gateway.dataDir, name)).mode & 0o777, 0o600, name)
  t.match(await gateway.run('start --port 0'), { code: 0, out: new RegExp(`^already running: pid ${pid}, `) })

  t.match(await gateway.run('restart'), { code: 0, out: /^stopped: pid \d+\nrunning: pid \d+.*own\.log\n$/ })
  t.not(gateway.pid(), pid)
  t.notOk(alive(pid))
  const shown = JSON.parse((await gateway.run('config show --json', { GW_HOLD: '3s' })).out)
  t.match(shown.options.hold, { value: '3s', from: 'env GW_HOLD', live: true })
  t.match(
    (await gateway.run('config show')).out,
    /^# hold: the running gateway has 1s \(flag\)/m,
    'it was kept',
  )

  const last = gateway.pid()
  t.match(await gateway.run('stop'), { code: 0, out: `stopped: pid ${last}\n` })
  t.same(gateway.left(), [])
  t.same(gateway.living(), [])
})

t.test('what does not start says why', async (t) => {
  const gateway = new Daemons(t)
  const port = await listening(t, createServer())
  const failed = await gateway.run(`start --port ${port}`)
  t.match(failed, {
    code: 1,
    out: '',
    err: /it did not start: it ended with 1; the end of .*gateway\.log:\n.*EADDRINUSE|in use/,
  })
  t.match(await gateway.run('start --port x'), { code: 2, err: /--port: "x" \(flag\)/ })
  t.same(gateway.left(), [])
})

t.test('a stale pid file is recognised', async (t) => {
  const gateway = new Daemons(t)
  mkdirSync(gateway.dataDir, { mode: 0o700 })
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  t.teardown(() => void other.kill('SIGKILL'))
  writeFileSync(join(gateway.dataDir, 'gateway.pid'), `${other.pid}\n`)
  writeFileSync(
    join(gateway.dataDir, 'gateway.lock'),
    JSON.stringify({ pid: other.pid, began: 'then', args: [], directory: '/', logfile: '/dev/null' }),
  )
  t.match(await gateway.run('status'), { code: 1, out: /^not running: pid \d+ was killed/ })
  t.match(await gateway.run('start --port 0'), { code: 0 })
  const pid = gateway.pid()!
  t.not(pid, other.pid)
  t.ok(alive(other.pid!), 'it was left alone')
  kill(pid)
  t.match(
    await gateway.run('restart'),
    { code: 0, out: /^running: pid/ },
    'with the options of the killed one',
  )
  kill(gateway.pid()!)
  t.match(await gateway.run('stop'), { code: 0, out: 'not running\n' })
  t.same(gateway.left(), [])
})

t.test('one that hangs is killed', async (t) => {
  const gateway = new Daemons(t)
  await gateway.run('start --port 0')
  const pid = gateway.pid()!
  process.kill(pid, 'SIGSTOP')
  t.match(await gateway.run('stop', { GW_DRAIN_TIMEOUT: '0' }), {
    code: 1,
    err: /did not end in 5 s and was killed/,
  })
  t.notOk(alive(pid))
  t.same(gateway.left(), [])
})

t.test('one in the foreground', async (t) => {
  const gateway = new Daemons(t)
  const { child, ready } = foreground(gateway)
  t.teardown(() => void child.kill('SIGKILL'))
  await ready
  t.match(await gateway.run('start --port 0'), {
    code: 0,
    out: new RegExp(`^already running: pid ${child.pid},.*foreground`),
  })
  t.match(await gateway.run('restart'), { code: 1, err: /runs in the foreground or under a service manager/ })
  const second = foreground(gateway)
  t.teardown(() => void second.child.kill('SIGKILL'))
  t.match(await second.ready, /another gateway runs on this data directory/)
  second.child.kill('SIGTERM')
  await once(second.child, 'exit')
  t.match(await gateway.status(), { pid: child.pid, log_file: null }, 'the first keeps the socket')
  const ended = once(child, 'exit')
  t.match(await gateway.run('stop'), { code: 0, out: `stopped: pid ${child.pid}\n` })
  t.same(await ended, [0, null])
  t.same(gateway.left(), [])
})

/** `ready`: what it said until it listens. */
function foreground({ directory }: Daemons): { child: ChildProcess; ready: Promise<string> } {
  const main = new URL('../../gateway/main.js', import.meta.url).pathname
  const child = spawn(process.execPath, [main, '--port', '0'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const ready = new Promise<string>((resolve) => {
    child.stdout!.on('data', (chunk) => {
      said += chunk
      if (said.includes('listening on')) resolve(said)
    })
  })
  return { child, ready }
}

t.test('reload, under load', async (t) => {
  const gateway = new Daemons(t)
  const config = join(gateway.directory, 'gateway.yaml')
  writeFileSync(config, 'port: 0\nhold: 0\nlog: { level: warn }\n')
  const { out } = await gateway.run('start')
  const base = url(out)
  const log = () => readFileSync(join(gateway.dataDir, 'gateway.log'), 'utf8')
  const agent = await RawAgent.connect(base, { serve: (exchange) => exchange.respond(200, 'ok') })
  t.teardown(() => agent.socket.terminate())
  let going = true
  let asked = 0
  const load = Array.from({ length: 4 }, async () => {
    while (going) {
      const { status, body } = await call(`${base}/forward`)
      if (status !== 200 || body !== 'ok') throw new Error(`${status} ${body}`)
      asked++
    }
  })

  t.match(await gateway.run('reload'), { code: 0, out: 'nothing has changed\n' })
  t.match(await call(`${base}/forward?purpose=none`), { status: 503, code: 'no_agent' })
  writeFileSync(config, 'port: 1\nhold: 5ms\nlimits: { max-body: 3 }\n')
  t.match(await gateway.run('reload'), {
    code: 0,
    out: 'taken up: hold, max-body, log-level\nneeds a restart: port\n',
  })
  t.match(await call(`${base}/forward`, { method: 'POST', body: 'four' }), { status: 413 })
  t.match(log(), /"changed":\["hold","max-body","log-level"\],"needs_restart":\["port"\]/)

  writeFileSync(config, 'port: x\nhold: 7s\nnope: 1\n')
  const refused = await gateway.run('reload')
  t.match(refused, {
    code: 2,
    out: '',
    err: /gateway\.yaml:3:1: "nope".*\n.*--port: "x" \(gateway\.yaml:1:7\)/,
  })
  t.match(refused.err, /the running configuration stays as it was/)
  t.match(await call(`${base}/forward`, { method: 'POST', body: 'four' }), { status: 413 }, 'it does')

  writeFileSync(config, 'port: 0\nmax-body: 4\n')
  process.kill(gateway.pid()!, 'SIGHUP')
  for (;;) {
    const { status } = await call(`${base}/forward`, { method: 'POST', body: 'four' })
    if (status === 200) break
  }
  going = false
  await Promise.all(load)
  t.ok(asked > 100, `${asked} requests, none of which failed`)

  const slow = await RawAgent.connect(base, { tunnelId: tunnelId('slow') })
  t.teardown(() => slow.socket.terminate())
  const inflight = call(`${base}/forward?purpose=slow`)
  const exchange = await slow.next()
  const old = gateway.pid()
  const stopped = gateway.run('stop')
  await once(slow, 'goAway')
  t.match(await gateway.status(), { draining: true, pid: old })
  const again = gateway.run('start')
  exchange.respond(200, 'in time')
  t.match(await inflight, { status: 200, body: 'in time' }, 'stop drains')
  t.match(await stopped, { code: 0 })
  t.match(await again, { code: 0, out: /^running: pid/ }, 'a start in between waits for the end')
  t.not(gateway.pid(), old)
  await gateway.run('stop')
})

t.test('configuration: what is wrong, and what is in force', async (t) => {
  const gateway = new Daemons(t)
  const config = join(gateway.directory, 'gateway.yaml')
  t.match(await gateway.run('config check'), { code: 0, out: /no gateway\.yaml stands here/ })
  writeFileSync(config, 'listen:\n  prot: 1\nport: x\nlog: { level: loud }\n')
  const mistakes = [
    /gateway\.yaml:2:3: "prot" is not an option; did you mean port\?/,
    /--port: "x" \(gateway\.yaml:3:7\) is not a whole number; it takes a port from 0 to 65535/,
    /--log-level: "loud" \(gateway\.yaml:4:15\) is not known; it takes debug, info, warn or error/,
  ]
  for (const command of ['config check gateway.yaml', 'start']) {
    const { code, out, err } = await gateway.run(command)
    t.equal(code, 2, command)
    t.equal(out, '', command)
    for (const mistake of mistakes) t.match(err, mistake, command)
  }
  t.match(await gateway.run('config check none.yaml'), { code: 2, err: /none\.yaml: ENOENT/ })
  writeFileSync(config, 'listen: { port: 8 }\nping_interval: 20s\n')
  t.match(await gateway.run('config check gateway.yaml'), { code: 0, out: 'gateway.yaml is good\n' })
  const shown = await gateway.run('config show --hold 2s', { GW_MAX_BODY: '1mb', GW_TOKEN: 'do-not-show' })
  t.equal(shown.code, 0)
  t.match(shown.out, /^port +8 +gateway\.yaml:1:17$/m)
  t.match(shown.out, /^ping-interval +20s +gateway\.yaml:2:16$/m)
  t.match(shown.out, /^max-body +1mb +env GW_MAX_BODY$/m)
  t.match(shown.out, /^hold +2s +flag$/m)
  t.match(shown.out, /^host +127\.0\.0\.1 +default$/m)
  t.notMatch(shown.out, 'do-not-show')
  chmodSync(config, 0o666)
  t.match(await gateway.run('serve'), {
    code: 2,
    err: /gateway\.yaml: not used, because others may write to/,
  })
  t.notOk(existsSync(gateway.dataDir), 'nothing was begun')
})

t.test(`start, stop and kill -9 by chance: ${ROUNDS} rounds, seed ${SEED}`, async (t) => {
  const gateway = new Daemons(t)
  const chance = new Chance(SEED)
  let running = false
  const start = async () => {
    t.equal((await gateway.run('start --port 0')).code, 0, 'start')
    running = true
  }
  const acts = {
    start,
    async twice() {
      const both = await Promise.all([start(), start()])
      t.equal(both.length, 2)
    },
    async stop() {
      t.equal((await gateway.run('stop')).code, 0, 'stop')
      running = false
    },
    async kill() {
      const pid = gateway.pid()
      if (pid !== undefined) kill(pid)
      running = false
    },
    async killStarting() {
      const starting = gateway.run('start --port 0')
      await new Promise((resolve) => setTimeout(resolve, chance.whole(0, 400)))
      const pid = gateway.pid()
      if (pid !== undefined) kill(pid)
      await starting
      const late = gateway.pid()
      if (late !== undefined) kill(late)
      running = false
    },
  }
  const names = Object.keys(acts) as [keyof typeof acts]
  for (let round = 0; round < ROUNDS; round++) {
    const name = chance.pick(names)
    await acts[name]()
    const pid = gateway.pid()
    const living = gateway.living()
    t.ok(living.length <= 1, `${round} ${name}: at most one lives`)
    if (running) t.same(living, [pid], `${round} ${name}: the one of the pid file`)
  }
  t.equal((await gateway.run('stop')).code, 0)
  t.same(gateway.living(), [], 'no process')
  t.same(gateway.left(), [], 'no lock, pid file or socket')
})
