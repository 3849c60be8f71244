/** How many connections there are, what those past the bound are told, and when those that say nothing are gone. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type Caller, MAX_EXCESS, type Upgrade } from '../../gateway/edge/engine.js'
import { loadEngine } from '../../gateway/edge/engines.js'
import { folderOf } from '../helpers/agent-rig.js'
import { CERTIFICATE, RENEWED, tlsFiles } from '../helpers/certificate.js'
import { heldConnections } from '../helpers/descriptors.js'
import { RawCaller, type Rig, Signal } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'
import { LogTape } from '../helpers/tunnel.js'

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
const HANDSHAKE =
  'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const SILENT = 50
const noProc = existsSync('/proc/net/tcp') ? undefined : 'descriptors are counted by /proc'

const answer = (caller: Caller): void =>
  caller.head.excess === true
    ? caller.respond({ status: 503, headers: [], close: true }, 'full')
    : caller.respond({ status: 200, headers: [] }, 'served')

const accept = (upgrade: Upgrade): void => {
  if (upgrade.caller.head.excess === true) upgrade.caller.respond({ status: 503, headers: [], close: true })
  else upgrade.accept(undefined, [], { message() {}, drain() {}, pong() {}, close() {} })
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(10)
}

/** The status of a first answer on a connection of its own, which stays open. */
async function comes(site: Rig): Promise<{ status: number; caller: RawCaller }> {
  const caller = new RawCaller(site.port).send(GET)
  const { status } = await caller.response()
  return { status, caller }
}

/** How long a connection lasts that says this and then nothing. */
async function lasts(port: number, bytes: string): Promise<number> {
  const socket = createConnection(port, '127.0.0.1')
  socket.on('error', () => {}).on('data', () => {})
  await once(socket, 'connect')
  const since = performance.now()
  if (bytes !== '') socket.write(bytes)
  await once(socket, 'close')
  return performance.now() - since
}

/** Told after all others, as they wait while those run. */
const last: (() => void)[] = []

suites(({ engine, rig, test }) => {
  const headTimeout = engine === 'uws' ? 10_000 : 1_000
  /** With node still less than what it has where nothing is given. */
  const latest = engine === 'uws' ? 15_000 : 9_000

  async function goneSilent(bytes: string, secure: boolean) {
    const tls = secure ? tlsFiles(folderOf('tls')) : undefined
    const site = await rig(answer, accept, { headTimeout, tls })
    const times = await Promise.all(Array.from({ length: SILENT }, () => lasts(site.port, bytes)))
    await until(() => site.engine.connections === 0)
    const held = noProc ? 0 : heldConnections(site.port)
    await site.engine.close()
    return { first: Math.min(...times), last: Math.max(...times), held }
  }

  /** A peer of a WebSocket that answers nothing any more, not even a close frame. */
  async function goneDeaf() {
    const opened = new Signal()
    const site = await rig(answer, (upgrade) => {
      const socket = upgrade.accept(undefined, [], { message() {}, drain() {}, pong() {}, close() {} })
      setImmediate(() => {
        socket?.close(1001, 'bye')
        opened.fire()
      })
    })
    const socket = createConnection({ port: site.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {}).write(HANDSHAKE)
    await opened.promise
    const since = performance.now()
    while (!noProc && heldConnections(site.port) > 0) await wait(200)
    const ms = performance.now() - since
    socket.destroy()
    await site.engine.close()
    return { ms, connections: site.engine.connections }
  }

  const all = () => [
    goneSilent('', false),
    goneSilent('GET / HTTP/1.1\r\nhost:', false),
    goneSilent('', true),
  ]
  // Where nothing can be asked for it takes 12 s, in which the other tests run.
  const begun = engine === 'uws' ? all() : undefined
  const deaf = goneDeaf()

  test('past the bound a connection is told so, and those before it are served on', async (t) => {
    await using site = await rig(answer, accept, { maxConnections: 3 })
    const first = await comes(site)
    const second = await comes(site)
    const websocket = new WebSocket(`ws://127.0.0.1:${site.port}/`)
    await once(websocket, 'open')
    t.equal(site.engine.connections, 3)
    const past = await comes(site)
    t.equal(past.status, 503)
    await past.caller.closed
    const refused = new WebSocket(`ws://127.0.0.1:${site.port}/`)
    const [error] = (await once(refused, 'error')) as [Error]
    t.match(error.message, '503')
    first.caller.clear()
    t.equal((await first.caller.send(GET).response()).status, 200, 'it was there before')
    await until(() => site.engine.connections === 3)
    websocket.terminate()
    await until(() => site.engine.connections === 2)
    const third = await comes(site)
    t.equal(third.status, 200)
    t.equal((await comes(site)).status, 503)
    for (const { caller } of [first, second, third]) caller.socket.destroy()
    await until(() => site.engine.connections === 0)
    t.strictSame(site.errors, [])
  })

  test('past those who may wait to be told nobody is let in', async (t) => {
    await using site = await rig(answer, accept, { maxConnections: 20 })
    const flood: Socket[] = []
    let closed = 0
    while (flood.length < 20 + MAX_EXCESS + 100) {
      flood.push(createConnection(site.port, '127.0.0.1'))
      flood
        .at(-1)!
        .on('error', () => {})
        .on('data', () => {})
        .on('close', () => closed++)
      // As many as the system holds for a listener at once; the rest would wait for a second try.
      if (flood.length % 140 === 0) await until(() => site.engine.connections + closed === flood.length)
    }
    t.equal(closed, 100, 'no more than may wait are held')
    t.equal(site.engine.connections, 20 + MAX_EXCESS)
    for (const socket of flood) socket.destroy()
    await until(() => site.engine.connections === 0)
  })

  test('the count is right after churn', async (t) => {
    const folder = folderOf('tls')
    const tls = tlsFiles(folder)
    for (const secure of [false, true]) {
      await using site = await rig(answer, accept, { maxConnections: 20, tls: secure ? tls : undefined })
      const { port } = site
      for (let i = 0; i < 100; i += 1) {
        const batch = Array.from({ length: 5 }, () =>
          createConnection(port, '127.0.0.1').on('error', () => {}),
        )
        const [one, two, three, ...rest] = batch
        one!.destroy()
        two!.end(GET)
        three!.write(HANDSHAKE, () => (i % 2 === 0 ? three!.destroy() : three!.resetAndDestroy()))
        if (i % 10 === 0) await Promise.all(rest.map((each) => once(each, 'connect')))
        for (const each of rest) each.resetAndDestroy()
        two!.on('data', () => {}).on('end', () => two!.destroy())
        if (i % 20 === 0 && secure) {
          tlsFiles(folder, i % 40 === 0 ? RENEWED : CERTIFICATE)
          site.engine.renew()
        }
      }
      await until(() => site.engine.connections === 0)
      if (!noProc) t.equal(heldConnections(port), 0)
    }
  })

  test('a head timeout that the engine cannot keep is told', async (t) => {
    const log = new LogTape()
    const create = await loadEngine(engine, log.logger)
    const options = { host: '127.0.0.1', port: 0, maxMessage: 1, maxBackpressure: 1, onError() {} }
    for (const headTimeout of [undefined, 10_000, 3_000, 0]) {
      const given = headTimeout === undefined ? {} : { headTimeout }
      await create({ ...options, ...given }, { request() {}, upgrade() {} }).close()
    }
    t.equal(log.lines.length, engine === 'uws' ? 2 : 0)
    t.match(
      log.lines,
      log.lines.map(() => ({ level: 'warn', msg: /--head-timeout/ })),
    )
  })

  last.push(() =>
    test('connections that say nothing, half a head, or nothing where TLS is spoken are gone', async (t) => {
      for (const { first, last, held } of await Promise.all(begun ?? all())) {
        t.ok(first > headTimeout * 0.7, `the first after ${first} ms`)
        t.ok(last < latest, `the last after ${last} ms`)
        t.equal(held, 0, 'descriptors are back')
      }
    }),
  )

  last.push(() =>
    test('a WebSocket whose peer does not answer a close frame is cut', async (t) => {
      const { ms, connections } = await deaf
      t.ok(ms < 12_000, `after ${ms} ms`)
      t.equal(connections, 0)
    }),
  )
})

for (const each of last) each()
