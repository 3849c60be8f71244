import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Socket, SocketEvents, Upgrade } from '../../gateway/edge/engine.js'
import { field, NO_EVENTS, RawCaller, type Rig, Signal } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'

const QUIET: SocketEvents = { message() {}, drain() {}, pong() {}, close() {} }

const handshake = (fields: Record<string, string> = {}, method = 'GET') => {
  const all = {
    host: 'a',
    connection: 'keep-alive, Upgrade',
    upgrade: 'WebSocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} /s?x HTTP/1.1\r\n${lines.join('')}\r\n`
}

const opened = async (site: Rig, protocols: string[] = []) => {
  const client = new WebSocket(`ws://127.0.0.1:${site.port}/`, protocols)
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  return client
}

const closed = (client: WebSocket) =>
  new Promise<[number, string]>((resolve) => {
    client.on('error', () => {})
    client.once('close', (code, reason) => resolve([code, String(reason)]))
  })

suites(({ rig, test }) => {
  const sockets = (upgrade: (upgrade: Upgrade) => void, options = {}): Promise<Rig> =>
    rig((caller) => caller.respond({ status: 299, headers: [] }, 'ordinary'), upgrade, options)

  test('what is not a WebSocket handshake is an ordinary request', async (t) => {
    await using site = await sockets((upgrade) => upgrade.caller.respond({ status: 298, headers: [] }))
    const ask = async (request: string) => {
      const caller = new RawCaller(site.port).send(request)
      const { status } = await caller.response()
      caller.socket.destroy()
      return status
    }
    t.equal(await ask(handshake()), 298)
    t.equal(await ask(handshake({ upgrade: 'h2c' })), 299)
    t.equal(await ask(handshake({ upgrade: 'h2c, websocket' })), 298)
    t.equal(await ask(handshake({ 'sec-websocket-version': '8' })), 299)
    t.equal(await ask(handshake({ 'sec-websocket-key': 'short' })), 299)
    t.equal(await ask(handshake({ 'sec-websocket-key': '!'.repeat(24) })), 299)
    t.equal(await ask(handshake({ connection: 'close' })), 299)
    t.equal(await ask(handshake({ 'content-length': '0' })), 298)
    t.equal(await ask(`${handshake({ 'content-length': '1' })}x`), 299)
    t.equal(await ask(handshake({}, 'POST')), 299)
  })

  test('a handshake is accepted with its fields, and with no protocol but the one given', async (t) => {
    let protocol: string | undefined
    const heads: string[] = []
    await using site = await sockets((upgrade) => {
      heads.push(upgrade.caller.head.target)
      upgrade.accept(protocol, ['x-a', 'caf\xe9', 'set-cookie', 'a', 'set-cookie', 'b'], QUIET)
    })
    for (protocol of [undefined, 'two']) {
      const caller = new RawCaller(site.port)
      caller.send(
        handshake({ 'sec-websocket-protocol': 'one, two', 'sec-websocket-extensions': 'permessage-deflate' }),
      )
      const { status, headers } = await caller.response()
      t.equal(status, 101)
      t.equal(field(headers, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
      t.equal(field(headers, 'sec-websocket-protocol'), protocol)
      t.equal(field(headers, 'sec-websocket-extensions'), undefined)
      t.equal(field(headers, 'x-a'), 'caf\xe9')
      t.equal(field(headers, 'set-cookie'), 'a, b')
      t.equal(field(headers, 'uwebsockets'), undefined)
      caller.socket.destroy()
    }
    t.strictSame(heads, ['/s?x', '/s?x'])
  })

  test('the answer to a handshake may come later, or too late', async (t) => {
    const asked = new Signal<Upgrade>()
    const gone = new Signal()
    await using site = await sockets((upgrade) => {
      upgrade.caller.events = { ...NO_EVENTS, aborted: gone.fire }
      asked.fire(upgrade)
    })
    const caller = new RawCaller(site.port).send(handshake())
    const upgrade = await asked.promise
    caller.socket.destroy()
    await gone.promise
    t.equal(upgrade.accept(undefined, [], QUIET), undefined)
    upgrade.caller.respond({ status: 403, headers: [] })

    await using later = await sockets((upgrade) => {
      setImmediate(() => {
        if (upgrade.caller.head.target === '/no') {
          upgrade.caller.respond({ status: 403, headers: ['x-a', 'b'] }, 'no')
          t.equal(upgrade.accept(undefined, [], QUIET), undefined, 'once')
        } else upgrade.accept(undefined, [], QUIET)
      })
    })
    const client = await opened(later)
    client.terminate()
    const refused = new RawCaller(later.port).send(handshake().replace('/s?x', '/no'))
    const response = await refused.response()
    t.strictSame([response.status, String(response.body), field(response.headers, 'x-a')], [403, 'no', 'b'])
    refused.socket.destroy()
  })

  test('a handshake whose answer would be split, or whose handler throws, costs itself', async (t) => {
    const accepted: (Socket | undefined)[] = []
    await using site = await sockets((upgrade) => {
      if (upgrade.caller.head.headers.includes('throw')) throw new Error('handler')
      accepted.push(upgrade.accept('a\r\nx: y', [], QUIET))
    })
    const split = new RawCaller(site.port).send(handshake())
    t.equal((await split.response()).status, 502)
    t.strictSame(accepted, [undefined])
    const thrown = new RawCaller(site.port).send(handshake({ 'x-a': 'throw' }))
    t.equal((await thrown.response()).status, 500)
    t.equal(site.errors.length, 2)
    for (const caller of [split, thrown]) caller.socket.destroy()
  })

  test('messages keep order, type and bytes, and the close comes after them', async (t) => {
    const log: (string | number)[] = []
    const done = new Signal()
    await using site = await sockets((upgrade) => {
      upgrade.accept(undefined, [], {
        ...QUIET,
        message: (data, binary) => log.push(`${binary ? 'b' : 't'}${data.toString('latin1')}`),
        close: (code, reason) => {
          log.push(code, reason)
          done.fire()
        },
      })
    })
    const client = await opened(site)
    for (let i = 0; i < 100; i += 1)
      client.send(i % 2 === 0 ? Buffer.from([i]) : String(i), { binary: i % 2 === 0 })
    client.close(4321, 'that is all')
    await done.promise
    const expected = Array.from({ length: 100 }, (_, i) =>
      i % 2 === 0 ? `b${String.fromCharCode(i)}` : `t${i}`,
    )
    t.strictSame(log, [...expected, 4321, 'that is all'])
  })

  test('events come outside the engine’s callbacks, where another socket can be corked', {
    only: 'uws',
    why: 'in Node every callback is such a place',
  }, async (t) => {
    const stacks: string[] = []
    const done = new Signal()
    const note = () => void stacks.push(String(new Error().stack))
    await using site = await sockets((upgrade) => {
      const close = () => {
        note()
        done.fire()
      }
      upgrade.accept(undefined, [], { message: note, drain: note, pong: note, close })
    })
    const client = await opened(site)
    client.send('x')
    client.terminate()
    await done.promise
    t.equal(stacks.length, 2)
    for (const stack of stacks) t.match(stack, /processImmediate/)
  })

  test('an echo of all sizes', async (t) => {
    await using site = await sockets(
      (upgrade) => {
        const socket = upgrade.accept(undefined, [], {
          ...QUIET,
          message: (data, binary) => socket?.send(data, binary),
        })
      },
      { maxMessage: 4 << 20, maxBackpressure: 64 << 20 },
    )
    const client = await opened(site)
    for (const size of [0, 1, 125, 126, 16_383, 16_384, 65_535, 65_536, 3 << 20]) {
      const message = randomBytes(size)
      const answer = new Promise<Buffer>((resolve) =>
        client.once('message', (data) => resolve(data as Buffer)),
      )
      client.send(message)
      t.ok((await answer).equals(message), String(size))
    }
    client.terminate()
  })

  test('ends of a socket', async (t) => {
    const server = new Signal<Socket>()
    let next = server
    const closes: [number, string][] = []
    let ended = new Signal()
    await using site = await sockets(
      (upgrade) => {
        const socket = upgrade.accept(undefined, [], {
          ...QUIET,
          close: (code, reason) => {
            closes.push([code, reason])
            ended.fire()
          },
        })
        next.fire(socket!)
      },
      { maxMessage: 1000 },
    )
    const each = async (act: (client: WebSocket, socket: Socket) => void) => {
      next = new Signal()
      ended = new Signal()
      const client = await opened(site)
      const socket = await next.promise
      const over = closed(client)
      act(client, socket)
      const seen = await over
      await ended.promise
      await turn()
      t.equal(socket.send(Buffer.alloc(1), true), false, 'nothing can be sent afterwards')
      t.equal(socket.bufferedAmount, 0)
      socket.close(1000, '')
      socket.destroy()
      return seen
    }
    t.strictSame(await each((_, socket) => socket.close(4001, 'why')), [4001, 'why'])
    t.strictSame(await each((_, socket) => socket.close(1000, '\u{1f600}'.repeat(40))), [
      1000,
      '\u{1f600}'.repeat(30),
    ])
    t.strictSame(await each((_, socket) => socket.close(1006, '')), [1005, ''])
    t.strictSame(await each((_, socket) => socket.destroy()), [1006, ''])
    await each((client) => client.terminate())
    await each((client) => client.close(1000))
    await each((client) => client.send(Buffer.alloc(1001)))
    t.strictSame(
      closes.map(([code]) => code),
      [4001, 1000, 1005, 1006, 1006, 1000, 1006],
    )
  })

  test('a message that cannot be taken breaks its socket, loudly', async (t) => {
    const server = new Signal<Socket>()
    const over = new Signal<number>()
    await using site = await sockets(
      (upgrade) => {
        server.fire(upgrade.accept(undefined, [], { ...QUIET, close: over.fire })!)
      },
      { maxBackpressure: 256 * 1024 },
    )
    const client = await opened(site)
    client.pause()
    const socket = await server.promise
    let sent = 0
    while (socket.send(Buffer.alloc(64 * 1024), true)) sent += 1
    t.ok(sent > 4, 'what the system and the buffer take')
    t.equal(socket.bufferedAmount, 0, 'it is cut')
    t.equal(await over.promise, 1006)
    client.terminate()
  })

  test('drain tells that the buffer fell, and everything arrives', async (t) => {
    const drained = new Signal<number>()
    let before = 0
    const count = 200
    await using site = await sockets(
      (upgrade) => {
        const socket = upgrade.accept(undefined, [], {
          ...QUIET,
          drain: () => drained.fire(socket!.bufferedAmount),
          message: () => {
            for (let i = 0; i < count; i += 1) socket!.send(Buffer.alloc(100_000, i), true)
            before = socket!.bufferedAmount
          },
        })
      },
      { maxBackpressure: 64 << 20 },
    )
    const client = await opened(site)
    let got = 0
    const all = new Signal()
    client.on('message', (data: Buffer) => {
      t.ok(data.length === 100_000 && data[0] === got && data[99_999] === got)
      got += 1
      if (got === count) all.fire()
    })
    client.send('go')
    await all.promise
    t.ok((await drained.promise) < before)
    client.terminate()
  })

  test('a message handler that throws costs its socket', async (t) => {
    await using site = await sockets((upgrade) => {
      upgrade.accept(undefined, [], {
        ...QUIET,
        message: () => {
          throw new Error('handler')
        },
      })
    })
    const client = await opened(site)
    const over = closed(client)
    client.send('x')
    t.equal((await over)[0], 1006)
    t.strictSame(site.errors.map(String), ['Error: handler'])
  })

  test('close of the engine ends sockets', async (t) => {
    const over = new Signal<number>()
    const site = await sockets(
      (upgrade) => void upgrade.accept(undefined, [], { ...QUIET, close: over.fire }),
    )
    const client = await opened(site)
    const gone = closed(client)
    await site.engine.close()
    t.equal(await over.promise, 1006)
    t.equal((await gone)[0], 1006)
  })
})
