/** A caller's WebSocket in the hands of a function; the echo's. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Deferred } from '../../agent/deferred.js'
import { Agent, type AgentOptions, type CallerSocket, loadHandlers } from '../../agent/index.js'
import { folderOf, ID, rig } from '../helpers/agent-rig.js'
import type { FakeLink } from '../helpers/fake-gateway.js'
import { FakeSocket } from '../helpers/fake-socket.js'

type Handle = (request: Request, socket: CallerSocket) => unknown

const serve = (handle: Handle): Partial<AgentOptions> => ({ websocket: handle as AgentOptions['websocket'] })
const OFFER = ['host', 'h.test', 'sec-websocket-protocol', 'a, b']

t.test('messages both ways, and the caller closes', async (t) => {
  const ended = new Deferred<CallerSocket['closed']>()
  const { link } = await rig(
    t,
    serve(async (request, socket) => {
      socket.accept('b')
      await socket.send(`${request.method} ${request.url} ${socket.protocol}`)
      for await (const message of socket)
        await socket.send(
          typeof message === 'string' ? message.toUpperCase() : Uint8Array.from(message).reverse(),
        )
      ended.resolve(socket.closed)
    }),
  )
  const headers = [...OFFER, 'x-forwarded-proto', 'https']
  const socket = await FakeSocket.open(link, { target: '/p?q', headers })
  t.equal(socket.field('sec-websocket-protocol'), 'b')
  t.equal((await socket.next()).payload.toString(), 'GET https://h.test/p?q b')
  socket.send('grüezi')
  t.match(await socket.next(), { binary: false, payload: { length: 7 } })
  socket.send(Buffer.from([1, 2, 3]))
  const { binary, payload } = await socket.next()
  t.ok(binary && payload.equals(Buffer.from([3, 2, 1])))
  socket.close(3001, 'bye')
  t.same(await socket.ended(), { code: 3001, reason: 'bye' })
  t.same(await ended.promise, { code: 3001, reason: 'bye' })
})

t.test('a caller who leaves', async (t) => {
  const leave: [name: string, act: (socket: FakeSocket, link: FakeLink) => void, code: number][] = [
    ['without a word', (socket) => socket.leave(), 1006],
    ['with a close frame', (socket) => socket.close(1001), 1001],
    ['with the link', (_, link) => link.websocket.terminate(), 1006],
  ]
  for (const [name, act, code] of leave) {
    const seen = new Deferred<string[]>()
    const { link } = await rig(
      t,
      serve(async (request, socket) => {
        const told: string[] = []
        request.signal.addEventListener('abort', () => told.push('signal'))
        socket.accept()
        void socket.send('ready')
        for await (const message of socket) told.push(String(message))
        void socket.send('nobody waits for this rejection')
        await socket.send('too late').catch((error: Error) => told.push(error.message))
        seen.resolve([...told, String(socket.closed?.code)])
      }),
    )
    const socket = await FakeSocket.open(link)
    await socket.next()
    act(socket, link)
    t.match(
      await seen.promise,
      ['signal', new RegExp(`the WebSocket is closed: ${code}`), String(code)],
      name,
    )
  }
  await t.test('before it is accepted', async (t) => {
    const asked = new Deferred<Request>()
    const gone = new Deferred<string>()
    const { link } = await rig(
      t,
      serve(async (request, socket) => {
        asked.resolve(request)
        if (!request.signal.aborted) await once(request.signal, 'abort')
        socket.accept()
        gone.resolve((await socket.send('x').catch((error: Error) => error.message)) as string)
      }),
    )
    const socket = new FakeSocket(link, {})
    await asked.promise
    socket.leave()
    t.match(await gone.promise, /closed: 1006/)
  })
})

t.test('send waits for the caller, and a function that does not read holds the caller back', async (t) => {
  let sent = 0
  const read = new Deferred<void>()
  const { link } = await rig(
    t,
    serve(async (_request, socket) => {
      socket.accept()
      const buffer = Buffer.alloc(64 * 1024)
      for (; sent < 256; sent++) await socket.send(buffer.fill(sent))
      await read.promise
      let bytes = 0
      for await (const message of socket) {
        bytes += message.length
        if (bytes === 16 * 1024 * 1024) break
      }
      await socket.send(String(bytes))
    }),
  )
  const socket = await FakeSocket.open(link, { hold: true })
  for (let i = 0; i < 20; i++) await link.turn()
  t.ok(sent < 16, `${sent} messages were taken`)
  socket.release()
  for (let i = 0; i < 256; i++) {
    const { payload } = await socket.next()
    if (payload[0] !== i || payload.at(-1) !== i) t.fail(`message ${i} was changed afterwards`)
  }
  let given = 0
  const sending = (async () => {
    for (; given < 256; given++) await socket.sendPatiently(Buffer.alloc(64 * 1024))
  })()
  for (let i = 0; i < 20; i++) await link.turn()
  t.ok(given < 32, `${given} messages were given`)
  read.resolve()
  t.equal((await socket.next()).payload.toString(), String(16 * 1024 * 1024))
  t.same(await socket.ended(), { code: 1000, reason: '' })
  await sending
})

t.test('a module, fetch and websocket together, and who has no function for it', async (t) => {
  const file = join(folderOf('handlers'), 'both.mjs')
  writeFileSync(
    file,
    `export default {
      word: 'hello',
      fetch: () => new Response('page'),
      async websocket(request, socket) { socket.accept(); await socket.send(this.word) },
    }`,
  )
  const module = await rig(t, { handlers: await loadHandlers(file) })
  t.equal((await (await FakeSocket.open(module.link)).next()).payload.toString(), 'hello')
  t.equal((await module.link.ask().done).text, 'page')

  const only = await rig(t, { fetch: () => new Response('page') })
  t.match(await new FakeSocket(only.link, {}).completed(), { status: 501, text: /no handler for WebSockets/ })
  const none = await rig(
    t,
    serve(() => {}),
  )
  t.match(await none.link.ask().done, { status: 501, text: /no handler for requests/ })
  t.throws(() => new Agent({ tunnelId: ID, websocket: () => {}, forward: 1 }), {
    message: /websocket and forward/,
  })
})

t.test('the echo', async (t) => {
  const { link } = await rig(t)
  const socket = await FakeSocket.open(link, { headers: OFFER, hold: true })
  t.equal(socket.field('sec-websocket-protocol'), 'a')
  const sending = (async () => {
    for (let i = 0; i < 256; i++) await socket.sendPatiently(Buffer.alloc(64 * 1024, i))
  })()
  for (let i = 0; i < 20; i++) await link.turn()
  socket.release()
  for (let i = 0; i < 256; i++) if ((await socket.next()).payload[9] !== i) t.fail(`message ${i} is another`)
  await sending
  socket.close(4321, 'over')
  t.same(await socket.ended(), { code: 4321, reason: 'over' })
})
