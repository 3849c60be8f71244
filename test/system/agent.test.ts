import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Agent, type AgentOptions, loadHandlers, RefusedError } from '../../agent/index.js'
import { StatusScreen, wantsScreen } from '../../agent/status.js'
import { GoAwayReason, Kind, ResetCode, StreamKind } from '../../shared/frames.js'
import {
  type Ask,
  FakeExchange,
  FakeGateway,
  type FakeGatewayOptions,
  type FakeLink,
} from '../helpers/fake-gateway.js'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

interface Rig {
  readonly gateway: FakeGateway
  readonly agent: Agent
  readonly link: FakeLink
}

async function rig(
  t: Test,
  options: Partial<AgentOptions> = {},
  fake: FakeGatewayOptions = {},
): Promise<Rig> {
  const gateway = await FakeGateway.start(fake)
  const agent = new Agent({ gateway: gateway.url, tunnelId: ID, ...options })
  t.teardown(async () => {
    agent.destroy()
    await gateway.stop()
  })
  const [link] = await Promise.all([gateway.link(), agent.start()])
  return { gateway, agent, link }
}

async function listen(
  t: Test,
  server: Server,
  where: object = { host: '127.0.0.1', port: 0 },
): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(where)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const httpUpstream = (t: Test, listener: RequestListener): Promise<number> =>
  listen(t, createHttp(listener) as unknown as Server)

/** A server that says `answer` to the first bytes that come, reads no more, and does what is `next`. */
const rawUpstream = (t: Test, answer: string, next: (socket: Socket) => void): Promise<number> =>
  listen(
    t,
    createTcp((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write(Buffer.from(answer, 'latin1'), () => next(socket))
      })
    }),
  )

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

t.test('echo answers with what it was asked, in one frame', async (t) => {
  const { link } = await rig(t)
  const exchange = await link.ask({
    method: 'POST',
    target: '/a%20b?x=1&y=?',
    headers: ['host', 'h.test', 'x-a', '1', 'x-a', '2'],
    body: Buffer.from('grüezi'),
  }).done
  t.equal(exchange.status, 200)
  t.ok(exchange.oneFrame)
  t.same(JSON.parse(exchange.text), {
    method: 'POST',
    path: '/a%20b',
    query: 'x=1&y=?',
    headers: { host: 'h.test', 'x-a': ['1', '2'] },
    body: 'grüezi',
    tunnel_id: ID,
  })

  const binary = await link.ask({ method: 'POST', body: Buffer.from([0xff, 0x00]) }).done
  t.match(JSON.parse(binary.text), { body: '/wA=', body_encoding: 'base64' })

  const head = await link.ask({ method: 'HEAD' }).done
  t.equal(head.bytes, 0)
  t.ok(Number(head.field('content-length')) > 0)
})

t.test('hello says what the agent is', async (t) => {
  const { link, agent } = await rig(t, {
    name: 'alias',
    labels: { region: 'eu', tier: 'a' },
    weight: 3,
    maxConcurrent: 7,
    token: () => 'secret',
  })
  t.match(link.hello, { weight: 3, maxConcurrent: 7, labels: ['region', 'eu', 'tier', 'a'] })
  t.equal(link.request.headers.authorization, 'Bearer secret')
  t.equal(link.request.headers['sec-websocket-protocol'], 'gw.v1')
  const url = new URL(link.request.url ?? '', 'http://gateway')
  t.equal(url.pathname, '/ws')
  t.same(Object.fromEntries(url.searchParams), {
    tunnel_id: ID,
    instance: agent.instance,
    link: '0',
    name: 'alias',
  })
  t.same(agent.urls, ['http://tunnel.test'])
})

t.test('forward', async (t) => {
  const seen: IncomingMessage[] = []
  const bytes = 50 * 1024 * 1024
  const port = await httpUpstream(t, async (request, response) => {
    seen.push(request)
    switch (request.url) {
      case '/download': {
        response.writeHead(200, 'Fine')
        const chunk = Buffer.alloc(64 * 1024, 'd')
        for (let left = bytes; left > 0; left -= chunk.length) {
          if (!response.write(chunk)) await once(response, 'drain')
        }
        response.end()
        return
      }
      case '/hints':
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.end('late')
        return
      case '/trailers':
        response.writeHead(200, { trailer: 'x-sum' })
        response.write('body')
        response.addTrailers({ 'x-sum': '42' })
        response.end()
        return
      case '/first':
        response.write('first')
        return
      case '/none':
        response.writeHead(204).end()
        return
      default: {
        const hash = createHash('sha256')
        for await (const chunk of request) hash.update(chunk as Buffer)
        response.setHeader('set-cookie', ['a=1', 'b=2'])
        response.setHeader('connection', 'keep-alive, x-gone')
        response.setHeader('x-gone', '1')
        response.setHeader('x-raw', Buffer.from('é').toString('latin1'))
        response.setHeader('content-length', 64)
        // As a string it would take the head with it into UTF-8.
        response.end(Buffer.from(hash.digest('hex')))
      }
    }
  })
  const { link } = await rig(t, { forward: port })

  await t.test('what both ends see of a GET', async (t) => {
    const headers = [
      'host',
      'caller.test',
      'x-a',
      '1',
      'connection',
      'x-b',
      'x-b',
      '2',
      'expect',
      '100-continue',
    ]
    const exchange = await link.ask({ target: '/p/../q?z=%7e&&', headers }).done
    t.equal(exchange.status, 200)
    t.equal(exchange.reason, null)
    t.ok(exchange.oneFrame)
    const request = seen.at(-1)!
    t.equal(request.url, '/p/../q?z=%7e&&')
    t.match(request.headers, { host: `localhost:${port}`, 'x-a': '1' })
    t.hasOwnPropsOnly(request.headers, ['host', 'connection', 'x-a'])
    t.equal(exchange.field('content-length'), '64')
    t.equal(exchange.field('x-raw'), Buffer.from('é').toString('latin1'))
    t.equal(exchange.field('connection'), undefined)
    t.equal(exchange.field('x-gone'), undefined)
    t.equal(exchange.headers.filter((text) => text === 'set-cookie').length, 2)
  })

  await t.test('any method', async (t) => {
    for (const method of ['OPTIONS', 'DELETE', 'PATCH', 'PROPFIND', 'QUERY', 'PURGE', 'M-SEARCH']) {
      const exchange = await link.ask({ method, body: Buffer.from('x') }).done
      t.equal(exchange.status, 200, method)
      t.equal(seen.at(-1)?.method, method)
    }
  })

  await t.test('a POST with and without a length', async (t) => {
    const digest = createHash('sha256').update('hello').digest('hex')
    const ask: Ask = { method: 'POST', body: Buffer.from('hello') }
    t.equal((await link.ask({ ...ask, headers: ['host', 'h', 'content-length', '5'] }).done).text, digest)
    t.equal((await link.ask(ask).done).text, digest)
    const streamed = link.ask({ ...ask, end: false })
    streamed.stream.end()
    t.equal((await streamed.done).text, digest)
  })

  await t.test('50 MiB up', async (t) => {
    const exchange = link.ask({
      method: 'PUT',
      headers: ['host', 'h', 'content-length', String(bytes)],
      end: false,
    })
    const digest = await exchange.upload(bytes)
    t.equal((await exchange.done).text, digest)
    t.equal(seen.at(-1)?.headers['content-length'], String(bytes))

    const chunked = link.ask({ method: 'PUT', end: false })
    t.equal(await chunked.upload(1024 * 1024), (await chunked.done).text)
    t.equal(seen.at(-1)?.headers['transfer-encoding'], 'chunked')
  })

  await t.test('50 MiB down', async (t) => {
    const exchange = await link.ask({ target: '/download', digest: true }).done
    t.equal(exchange.ended, 'complete')
    t.equal(exchange.reason, 'Fine')
    t.equal(exchange.bytes, bytes)
    t.equal(exchange.digest, createHash('sha256').update(Buffer.alloc(bytes, 'd')).digest('hex'))
  })

  await t.test('interim heads, trailers, no body, HEAD', async (t) => {
    const hints = await link.ask({ target: '/hints' }).done
    t.match(hints.interim, [{ status: 103, headers: ['link', '</a.css>; rel=preload'] }])
    t.equal(hints.text, 'late')
    t.same((await link.ask({ target: '/trailers' }).done).trailers, ['x-sum', '42'])
    t.match(await link.ask({ target: '/none' }).done, { status: 204, bytes: 0 })
    const head = await link.ask({ method: 'HEAD' }).done
    t.equal(head.field('content-length'), '64')
    t.equal(head.bytes, 0)
  })

  await t.test('what is there is sent at once', async (t) => {
    const exchange = await link.ask({ target: '/first' }).answered
    t.equal(exchange.ended, undefined)
    exchange.stream.reset(ResetCode.cancelled, 'left')
  })
})

t.test('forward to either family of localhost, and to a unix socket', async (t) => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'
  const server = (): Server => createTcp((socket) => socket.once('data', () => socket.end(answer)))
  const path = join(mkdtempSync(join(tmpdir(), 'gw-')), 'u.sock')
  await listen(t, server(), { path })
  const four = await listen(t, server(), { host: '127.0.0.1', port: 0 })
  const targets = [String(four), `unix:${path}`]
  try {
    targets.push(String(await listen(t, server(), { host: '::1', port: 0, ipv6Only: true })))
  } catch {
    t.comment('no IPv6 here')
  }
  for (const forward of targets) {
    const { link } = await rig(t, { forward })
    t.match(await link.ask().done, { status: 200, text: 'hi' }, forward)
  }
})

t.test('the Host that an upstream sees', async (t) => {
  const port = await httpUpstream(t, (request, response) => response.end(request.headers.host))
  const cases: [hostHeader: string | undefined, host: string][] = [
    [undefined, `localhost:${port}`],
    ['preserve', 'caller.test'],
    ['literal.test', 'literal.test'],
  ]
  for (const [hostHeader, host] of cases) {
    const { link } = await rig(t, { forward: port, hostHeader })
    t.equal((await link.ask({ headers: ['host', 'caller.test'] }).done).text, host)
  }
})

/** One round trip to the agent and what it does meanwhile. */
async function turn(link: FakeLink): Promise<void> {
  await link.ask({ stream: StreamKind.websocket }).done
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
    while (exchange.bytes < 256 * 1024) await turn(link)
    for (let i = 0; i < 20; i++) await turn(link)
    reset(sockets[0]!)
    for (let i = 0; i < 5; i++) await turn(link)
    exchange.release()
    t.match((await exchange.done).ended, { kind: 'peer', code: ResetCode.failed }, held ? 'stalls' : 'reads')
    t.equal(link.closed, undefined)
  }
})

t.test('what is refused', async (t) => {
  const held: (() => void)[] = []
  const port = await httpUpstream(t, (_request, response) => void held.push(() => response.end()))
  const { link } = await rig(t, { forward: port, maxConcurrent: 2 })
  const served = [link.ask(), link.ask()]
  const beyond = await link.ask().done
  t.match(beyond.ended, { kind: 'peer', code: ResetCode.refused, message: /2 exchanges/ })
  const socket = await link.ask({ stream: StreamKind.websocket }).done
  t.match(socket.ended, { kind: 'peer', code: ResetCode.refused })
  while (held.length < 2) await turn(link)
  for (const end of held) end()
  for (const exchange of served) t.equal((await exchange.done).status, 200)
  const next = link.ask()
  while (held.length < 3) await turn(link)
  held[2]?.()
  t.equal((await next.done).status, 200, 'a place that is free is taken again')
})

t.test('fetch', async (t) => {
  const cases: { name: string; fetch: (request: Request) => unknown; ask?: Ask; want: object }[] = [
    {
      name: 'url, method, headers',
      fetch: (request) => new Response(`${request.method} ${request.url} ${request.headers.get('x-a')}`),
      ask: {
        target: '/p?q=1',
        headers: ['host', 'h.test', 'x-forwarded-proto', 'https', 'x-a', '1', 'x-a', '2'],
      },
      want: { status: 200, text: 'GET https://h.test/p?q=1 1, 2', oneFrame: true },
    },
    {
      name: 'is a Request, and clones',
      fetch: async (request) => {
        const copy = request.clone()
        return Response.json([request instanceof Request, await request.text(), await copy.text()])
      },
      ask: { method: 'POST', body: Buffer.from('b') },
      want: { text: '[true,"b","b"]', oneFrame: true },
    },
    {
      name: 'headers as they are',
      fetch: () => {
        const headers = new Headers([
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['connection', 'close'],
        ])
        return new Response(null, { status: 201, statusText: 'Made', headers })
      },
      want: { status: 201, reason: 'Made', headers: ['set-cookie', 'a=1', 'set-cookie', 'b=2'], bytes: 0 },
    },
    {
      name: 'HEAD has no body',
      fetch: () => new Response('hello', { headers: { 'content-length': '5' } }),
      ask: { method: 'HEAD' },
      want: { status: 200, bytes: 0, ended: 'complete' },
    },
    {
      name: 'throws',
      fetch: () => {
        throw new Error('boom')
      },
      want: { ended: { code: ResetCode.failed, message: 'handler threw: boom' } },
    },
    {
      name: 'rejects',
      fetch: () => Promise.reject(new Error('later')),
      want: { ended: { message: 'handler threw: later' } },
    },
    {
      name: 'returns nothing',
      fetch: () => undefined,
      want: { ended: { message: /undefined, not a Response/ } },
    },
    { name: 'returns a string', fetch: () => 'hi', want: { ended: { message: /string, not a Response/ } } },
    { name: 'returns an error', fetch: () => Response.error(), want: { ended: { message: /status 0/ } } },
    {
      name: 'body fails after the head',
      fetch: () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(Buffer.from('part')),
            pull: () => Promise.reject(new Error('broke')),
          }),
        ),
      want: { ended: { kind: 'peer', code: ResetCode.failed, message: /broke/ } },
    },
  ]
  for (const { name, fetch, ask, want } of cases) {
    const { link } = await rig(t, { fetch: fetch as (request: Request) => Response })
    t.match(await link.ask(ask).done, want, name)
    t.equal(link.closed, undefined, `${name}: the link lives`)
  }
})

t.test('fetch streams both ways', async (t) => {
  const { link } = await rig(t, {
    fetch: (request) =>
      new Response(request.body, { headers: { 'x-length': request.headers.get('content-length') ?? '' } }),
  })
  const bytes = 20 * 1024 * 1024
  const exchange = link.ask({ method: 'POST', end: false, digest: true })
  const digest = await exchange.upload(bytes)
  await exchange.done
  t.equal(exchange.ended, 'complete')
  t.equal(exchange.digest, digest)
})

t.test('a module of handlers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gw-'))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const served: [name: string, text: string, status: number][] = [
    ['named.mjs', 'export const fetch = () => new Response("ok")', 200],
    ['default.mjs', 'export default { word: "ok", fetch() { return new Response(this.word) } }', 200],
    ['other.mjs', 'export function execute() {}', 501],
  ]
  for (const [name, text, status] of served) {
    const { link } = await rig(t, { handlers: await loadHandlers(write(name, text)) })
    t.match(await link.ask().done, { status, text: status === 200 ? 'ok' : /no handler/ }, name)
  }
  const faults: [name: string, text: string, message: RegExp][] = [
    ['none.mjs', 'export const nothing = 1', /none\.mjs exports none of fetch/],
    ['kind.mjs', 'export const fetch = 1', /kind\.mjs exports fetch as number/],
    ['syntax.mjs', 'export const', /syntax\.mjs cannot be loaded/],
  ]
  for (const [name, text, message] of faults)
    await t.rejects(loadHandlers(write(name, text)), { message }, name)
})

t.test('stop', async (t) => {
  await t.test('finishes what is in flight and serves what crosses', async (t) => {
    const ends: (() => void)[] = []
    const port = await httpUpstream(t, (_request, response) => {
      response.write('first')
      ends.push(() => response.end(' last'))
    })
    const { link, agent } = await rig(t, { forward: port })
    const exchange = await link.ask().answered
    const goAway = once(link, 'goAway')
    const stopped = agent.stop()
    t.equal(agent.stop(), stopped, 'once')
    const crossing = link.ask()
    const [frame] = await goAway
    t.match(frame, { kind: Kind.goAway, reason: GoAwayReason.draining })
    await crossing.answered
    for (const end of ends) end()
    t.equal((await exchange.done).text, 'first last')
    t.equal((await crossing.done).text, 'first last')
    await stopped
    t.equal(link.closed?.code, 1001)
    t.equal(await agent.ended, undefined)
  })

  await t.test('cuts what is left at the drain timeout', async (t) => {
    const server = createTcp()
    const { link, agent } = await rig(t, { forward: await listen(t, server), drainTimeout: 50 })
    const exchange = link.ask()
    await once(server, 'connection')
    await agent.stop()
    t.match((await exchange.done).ended, { kind: 'lost' })
  })

  await t.test('before a link is up', async (t) => {
    const gateway = await FakeGateway.start({ welcome: false })
    t.teardown(() => gateway.stop())
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    const started = agent.start()
    await once(gateway, 'dial')
    await agent.stop()
    await t.rejects(started, { message: /before a link was up/ })
  })
})

t.test('a gateway that goes away', async (t) => {
  const held: (() => void)[] = []
  const port = await httpUpstream(t, (_request, response) => void held.push(() => response.end('done')))
  const { gateway, link } = await rig(t, { forward: port })
  const exchange = link.ask()
  while (held.length < 1) await turn(link)
  const next = gateway.link()
  link.mux.send({ kind: Kind.goAway, reason: GoAwayReason.draining, delay: 1, message: 'restart' })
  const second = await next
  t.equal(link.closed, undefined, 'the old link stays for what is in flight')
  const closed = once(link, 'close')
  held[0]?.()
  t.equal((await exchange.done).text, 'done')
  await closed
  const again = second.ask()
  while (held.length < 2) await turn(second)
  held[1]?.()
  t.equal((await again.done).text, 'done')
})

t.test('a gateway that falls silent is left, and dialled again', async (t) => {
  const { gateway, link } = await rig(t, {}, { pingInterval: 100, pingTimeout: 100 })
  const closed = once(link, 'close')
  const next = gateway.link()
  link.lively = false
  t.equal((await closed)[0], 1006)
  await next
})

t.test('a gateway that breaks the protocol', async (t) => {
  const faults: [name: string, send: (link: FakeLink) => void][] = [
    ['text', (link) => link.websocket.send('hello')],
    ['garbage', (link) => link.websocket.send(Buffer.from([0xc1]))],
    [
      'a stream that never was',
      (link) => link.mux.send({ kind: Kind.reset, id: 99, code: 1, message: '' } as never),
    ],
  ]
  for (const [name, send] of faults) {
    const { link, agent } = await rig(t)
    const closed = once(link, 'close')
    send(link)
    t.equal((await closed)[0], 4400, name)
    t.match(await agent.ended, { name: 'RefusedError', message: /broke the protocol/ })
  }
})

t.test('refusals', async (t) => {
  for (const status of [400, 401, 403, 426]) {
    const body = JSON.stringify({ code: 'some_code', detail: 'some detail' })
    const gateway = await FakeGateway.start({ refuse: () => ({ status, body }) })
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    await t.rejects(agent.start(), {
      name: 'RefusedError',
      message: new RegExp(`${status} some_code: some detail`),
    })
    t.ok((await agent.ended) instanceof RefusedError)
    await gateway.stop()
  }
  for (const status of [404, 409, 429, 500, 503]) {
    let dials = 0
    const gateway = await FakeGateway.start({
      refuse: () => (dials++ === 0 ? { status, headers: { 'retry-after': '0' } } : undefined),
    })
    const agent = new Agent({ gateway: gateway.url, tunnelId: ID })
    await agent.start()
    t.equal(dials, 2, `${status} is tried again`)
    agent.destroy()
    await gateway.stop()
  }
})

t.test('by way of a proxy', async (t) => {
  const asked: string[] = []
  const proxy = createTcp((socket) => {
    socket.once('data', (head) => {
      const [, host = '', port] = /^CONNECT (.+):(\d+) /.exec(head.toString()) ?? []
      asked.push(`${host}:${port}`)
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      onward.on('error', () => socket.destroy())
      socket.on('close', () => onward.destroy())
    })
  })
  const port = await listen(t, proxy)
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  process.env.HTTP_PROXY = `http://127.0.0.1:${port}`
  const { gateway, link } = await rig(t)
  t.same(asked, [`127.0.0.1:${gateway.port}`])
  t.equal((await link.ask().done).status, 200)
  const upstream = await httpUpstream(t, (_request, response) => response.end('direct'))
  t.equal((await (await rig(t, { forward: upstream })).link.ask().done).text, 'direct')
  t.equal(asked.length, 2, 'upstreams are never asked for through it')
  process.env.NO_PROXY = '127.0.0.1'
  await rig(t)
  t.equal(asked.length, 2)
})

t.test('closed by the gateway', async (t) => {
  const { gateway, link } = await rig(t)
  const next = gateway.link()
  link.websocket.close(1001, 'restart')
  const second = await next
  t.equal((await second.ask().done).status, 200)

  const revoked = await rig(t)
  revoked.link.websocket.close(4401, 'revoked')
  t.match(await revoked.agent.ended, { name: 'RefusedError', message: /4401 revoked/ })
})

t.test('several links, several tunnels', async (t) => {
  const gateway = await FakeGateway.start()
  const log: string[] = []
  const ids = [ID, ID.replace('prod', 'other')]
  const agents = ids.map((tunnelId) => new Agent({ gateway: gateway.url, tunnelId, links: 3 }))
  const links = new Promise<void>((resolve) => {
    gateway.on('link', (link) => {
      const url = new URL(link.request.url ?? '', 'http://gateway')
      if (log.push(`${url.searchParams.get('tunnel_id')} ${url.searchParams.get('link')}`) === 6) resolve()
    })
  })
  await Promise.all(agents.map((agent) => agent.start()))
  await links
  t.same(log.sort(), ids.flatMap((id) => [`${id} 0`, `${id} 1`, `${id} 2`]).sort())
  const instances = new Set(gateway.links.map((link) => /instance=([^&]+)/.exec(link.request.url ?? '')?.[1]))
  t.equal(instances.size, 2)
  for (const link of gateway.links) t.equal((await new FakeExchange(link.mux, {}).done).status, 200)
  await Promise.all(agents.map((agent) => agent.stop()))
  await gateway.stop()
})

t.test('settings that cannot be', async (t) => {
  const cases: [name: string, options: Partial<AgentOptions>, message: RegExp][] = [
    ['tunnel id', { tunnelId: 'x' }, /tunnel id/],
    ['gateway', { gateway: 'ftp://x' }, /gateway: "ftp:\/\/x"/],
    ['upstream', { forward: 'http://x/path' }, /forward: .*has a path/],
    ['two answers', { forward: 1, fetch: () => new Response() }, /fetch and forward exclude/],
    ['weight', { weight: -1 }, /weight: -1/],
    ['maxConcurrent', { maxConcurrent: 0 }, /maxConcurrent: 0/],
    ['links', { links: 0.5 }, /links: 0.5/],
    ['label', { labels: { 'a b': '1' } }, /labels: the key/],
    ['label value', { labels: { a: '1,2' } }, /labels: the value/],
    ['name', { name: '-x' }, /name: "-x"/],
  ]
  for (const [name, options, message] of cases)
    t.throws(() => new Agent({ tunnelId: ID, ...options }), { message }, name)
})

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
    await turn(first)
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
