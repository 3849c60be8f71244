/** Upstreams that misbehave, stall or are not there, and callers who do. */
import { once } from 'node:events'
import { createServer as createTcp, type Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import t from 'tap'
import { ResetCode } from '../../shared/frames.js'
import { httpUpstream, listen, rawUpstream, rig } from '../helpers/agent-rig.js'
import type { Ask, FakeExchange } from '../helpers/fake-exchange.js'
import type { FakeLink } from '../helpers/fake-gateway.js'

const hold = (): void => {}
const finish = (socket: Socket): void => void socket.end()
/** Closed with bytes unread, a connection is reset by the kernel; Node's own way to reset sends a FIN first. */
const reset = (socket: Socket): void => void socket.destroy()
/** A request with more of a body than a server takes that reads once. */
function askLarge(link: FakeLink, ask: Ask = {}): FakeExchange {
  const exchange = link.ask({ ...ask, method: 'POST', end: false })
  void exchange.upload(4 * 1024 * 1024)
  return exchange
}

interface Misbehaviour {
  readonly name: string
  readonly answer: string
  readonly next?: (socket: Socket) => void
  /** The caller has seen a head before the failure. */
  readonly begun?: boolean
}

const MISBEHAVIOURS: Misbehaviour[] = [
  { name: 'closes without a word', answer: '' },
  { name: 'resets without a word', answer: '', next: reset },
  { name: 'garbage', answer: 'SSH-2.0-OpenSSH_9.2\r\n' },
  { name: 'half a head', answer: 'HTTP/1.1 200 OK\r\ncontent-le' },
  {
    name: 'two lengths',
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    next: hold,
  },
  { name: 'length no number', answer: 'HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\na', next: hold },
  { name: 'status no number', answer: 'HTTP/1.1 2x0 OK\r\n\r\n', next: hold },
  { name: 'status past 599', answer: 'HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n', next: hold },
  { name: 'NUL in a field', answer: 'HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n', next: hold },
  { name: 'space before a colon', answer: 'HTTP/1.1 200 OK\r\nx : a\r\n\r\n', next: hold },
  { name: 'a head of 64 KiB', answer: `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(65_536)}\r\n\r\n`, next: hold },
  {
    name: 'upgrades unasked',
    answer: 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    next: hold,
  },
  {
    name: 'too many fields',
    answer: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(257)}content-length: 0\r\n\r\n`,
    next: hold,
  },
  { name: 'a short body', answer: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello', begun: true },
  {
    name: 'a short body on a closing connection',
    answer: 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhello',
    begun: true,
  },
  {
    name: 'a short body, then reset',
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello',
    next: reset,
    begun: true,
  },
  {
    name: 'a chunk cut',
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel',
    begun: true,
  },
  {
    name: 'no last chunk',
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    begun: true,
  },
  {
    name: 'a bad chunk size',
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
    next: hold,
    begun: true,
  },
]

t.test('an upstream that misbehaves costs its exchange only', async (t) => {
  for (const { name, answer, next = finish, begun = false } of MISBEHAVIOURS) {
    const port = await rawUpstream(t, answer, next)
    const { link } = await rig(t, { forward: port })
    const exchange = await askLarge(link).done
    t.match(
      exchange.ended,
      { kind: 'peer', code: ResetCode.failed, message: /upstream|link carries|status/ },
      name,
    )
    // A head and a failure that come together may be one failure.
    if (!begun) t.equal(exchange.status, 0, `${name}: no head`)
    t.equal(link.closed, undefined, `${name}: the link lives`)
  }
})

t.test('bytes behind an answer are not the next one', async (t) => {
  let connections = 0
  const server = createTcp((socket) => {
    connections++
    const extra = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison'
    socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood${extra}`))
  })
  const { link } = await rig(t, { forward: await listen(t, server) })
  for (let i = 0; i < 3; i++) t.equal((await link.ask().done).text, 'good')
  t.equal(connections, 3)
})

t.test('an upstream that is not there', async (t) => {
  const server = createTcp()
  const port = await listen(t, server)
  server.close()
  await once(server, 'close')
  for (const forward of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    'no.such.host.invalid:80',
    'unix:/no/such/socket',
  ]) {
    const { link } = await rig(t, { forward })
    const { ended } = await link.ask({ method: 'POST', body: Buffer.from('x') }).done
    t.match(ended, { kind: 'peer', code: ResetCode.unreachable, message: /upstream/ }, forward)
  }
})

t.test('a caller who leaves', async (t) => {
  await t.test('tears the upstream request down', async (t) => {
    const server = createTcp()
    const { link } = await rig(t, { forward: await listen(t, server) })
    const stages: [name: string, answer: string][] = [
      ['before the head', ''],
      ['inside the body', 'HTTP/1.1 200 OK\r\n\r\nhello'],
    ]
    for (const [name, answer] of stages) {
      const connected = once(server, 'connection')
      const exchange = link.ask({ method: 'POST', end: false, body: Buffer.from('x') })
      const [socket] = (await connected) as [Socket]
      await once(socket, 'data')
      socket.resume()
      if (answer !== '') {
        socket.write(answer)
        await exchange.answered
      }
      const closed = once(socket, 'close')
      exchange.stream.reset(ResetCode.cancelled, 'the caller left')
      await closed
      t.pass(name)
    }
  })

  await t.test('fires the signal of a fetch', async (t) => {
    let began: (signal: AbortSignal) => void
    const begun = new Promise<AbortSignal>((resolve) => {
      began = resolve
    })
    const { link } = await rig(t, {
      fetch: (request) => {
        began(new Request(request).signal)
        return new Promise(() => {})
      },
    })
    const exchange = link.ask()
    const signal = await begun
    t.notOk(signal.aborted)
    const aborted = once(signal, 'abort')
    exchange.stream.reset(ResetCode.cancelled, 'the caller left')
    await aborted
  })
})

t.test('a reader that stalls stalls its upstream, and nobody else', async (t) => {
  let written = 0
  function* chunks(): Generator<Buffer> {
    for (let i = 0; i < 1024; i++) {
      written += 64 * 1024
      yield Buffer.alloc(64 * 1024)
    }
  }
  const port = await httpUpstream(t, (request, response) => {
    if (request.url === '/flood') pipeline(Readable.from(chunks()), response, () => {})
    else response.end('quick')
  })
  const { link } = await rig(t, { forward: port })
  const flood = await link.ask({ target: '/flood', hold: true, digest: true }).answered
  for (let i = 0; i < 50; i++) t.equal((await link.ask().done).text, 'quick')
  t.ok(flood.bytes <= 512 * 1024, `${flood.bytes} bytes came`)
  t.ok(written < 32 * 1024 * 1024, `${written} bytes were written`)
  flood.release()
  await flood.done
  t.equal(flood.bytes, 64 * 1024 * 1024)
})

t.test('a body without length that is reset is not complete, whether its reader stalls or not', async (t) => {
  // As much as makes the agent pause with nothing more to read: a failure is noticed all the same.
  for (const held of [false, true]) {
    const sockets: Socket[] = []
    const server = createTcp((socket) => {
      sockets.push(socket)
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')
        socket.write(Buffer.alloc(460_000))
      })
    })
    const { link } = await rig(t, { forward: await listen(t, server) })
    const exchange = askLarge(link, { hold: held, digest: true })
    while (exchange.bytes < 256 * 1024) await link.turn()
    for (let i = 0; i < 20; i++) await link.turn()
    reset(sockets[0]!)
    for (let i = 0; i < 5; i++) await link.turn()
    exchange.release()
    t.match((await exchange.done).ended, { kind: 'peer', code: ResetCode.failed }, held ? 'stalls' : 'reads')
    t.equal(link.closed, undefined)
  }
})
