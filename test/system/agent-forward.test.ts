/** What passes between callers and an upstream that behaves; the echo, which needs none. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer as createTcp, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ResetCode } from '../../shared/frames.js'
import { httpUpstream, ID, listen, rig } from '../helpers/agent-rig.js'
import type { Ask } from '../helpers/fake-exchange.js'

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
