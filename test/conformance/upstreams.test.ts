/** Upstreams and requests that want more of an agent than to serve: it fails one exchange at a time, and connects nowhere else. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answerHead } from '../../gateway/edge/answer.js'
import { Problem } from '../../shared/errors.js'
import { Kind, StreamKind } from '../../shared/frames.js'
import { listen, rig } from '../helpers/agent-rig.js'
import type { FakeExchange } from '../helpers/fake-exchange.js'
import type { FakeLink } from '../helpers/fake-gateway.js'
import { LURES, UPSTREAM_CASES, type UpstreamCase } from './upstreams/case.js'

/** A case is named by its place in the request's target. */
const server = (answers: (nth: number) => { bytes: string; ends: boolean }): Server =>
  createServer((socket: Socket) => {
    socket.once('data', (chunk) => {
      const nth = /^[A-Z]+ \/(\d+)/.exec(chunk.toString('latin1'))?.[1]
      const { bytes, ends } = answers(Number(nth))
      socket.write(Buffer.from(bytes, 'latin1'))
      if (ends) socket.end()
    })
  })

/** One that must see nobody. */
async function sentinel(t: Test): Promise<{ port: number; visits: () => number }> {
  let visits = 0
  const port = await listen(
    t,
    createServer((socket) => {
      visits++
      socket.destroy()
    }),
  )
  return { port, visits: () => visits }
}

/** There is a head, and the gateway sends it on. */
function isFit({ status, reason, headers }: FakeExchange): boolean {
  try {
    answerHead({ kind: Kind.head, id: 1, status, reason, headers, body: null, end: false }, 'GET', '', '')
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
  return true
}

async function play(link: FakeLink, one: UpstreamCase, nth: number): Promise<string[]> {
  const exchange = link.ask({ target: `/${nth}` })
  const outcome = await Promise.race([
    exchange.done,
    sleep(one.outcome === 'waits' ? 200 : 10_000, undefined, { ref: false }),
  ])
  const found: string[] = []
  const is =
    outcome === undefined
      ? 'waits'
      : !isFit(exchange)
        ? 'failed'
        : exchange.ended === 'complete'
          ? 'served'
          : 'cut'
  // A head and a failure that come together may be one failure.
  if (is !== one.outcome && !(is === 'failed' && one.outcome === 'cut'))
    found.push(`it was ${is}, not ${one.outcome}`)
  if (one.status !== undefined && exchange.status !== one.status)
    found.push(`with the status ${exchange.status}`)
  if (one.body !== undefined && exchange.text !== one.body) found.push(`with the body ${exchange.text}`)
  if (exchange.headers.some((text) => /injected/i.test(text))) found.push('with a field that is none')
  if (outcome === undefined) exchange.stream.reset(1, 'the caller left')
  return found
}

t.test(`${UPSTREAM_CASES.length} hostile upstreams`, async (t) => {
  const evil = await sentinel(t)
  const upstream = server((nth) => {
    const { answer, ends = false } = UPSTREAM_CASES[nth]!
    return { bytes: answer.replaceAll('<evil>', String(evil.port)), ends }
  })
  const { link, agent } = await rig(t, { forward: await listen(t, upstream) })
  const found = await Promise.all(UPSTREAM_CASES.map((one, nth) => play(link, one, nth)))
  for (const [nth, one] of UPSTREAM_CASES.entries()) t.same(found[nth], [], `${one.name}: ${one.outcome}`)
  t.equal(link.closed, undefined, 'the link lives')
  t.equal(evil.visits(), 0, 'no redirect was followed')
  await link.turn()
  t.equal(agent.inFlight, 0)
})

t.test('an agent connects to what it was told to serve', async (t) => {
  const evil = await sentinel(t)
  let served = 0
  const upstream = createServer((socket) => {
    served++
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))
  })
  const { link } = await rig(t, { forward: await listen(t, upstream) })
  const named = (text: string): string => text.replaceAll('<evil>', String(evil.port))
  for (const kind of [StreamKind.http, StreamKind.websocket]) {
    for (const method of kind === StreamKind.http ? ['GET', 'POST', 'OPTIONS', 'CONNECT'] : ['GET']) {
      for (const [target, ...headers] of LURES) {
        const given = headers.length > 0 ? headers : ['host', 'tunnel.test']
        const exchange = link.ask({
          stream: kind,
          method,
          target: named(target),
          headers: given.map(named),
          end: kind === StreamKind.http,
        })
        await Promise.race([exchange.done, sleep(5000, undefined, { ref: false })])
        t.not(exchange.ended, undefined, `${kind} ${method} ${target} ${headers.join()} ends`)
      }
    }
  }
  t.equal(evil.visits(), 0, 'and to nothing that a request asks for')
  t.ok(served > LURES.length, `${served} connections to it`)
  t.equal(link.closed, undefined, 'the link lives')
})

t.test('gateways that say whatever they like', async (t) => {
  const evil = await sentinel(t)
  const upstream = createServer((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))
  })
  const forward = await listen(t, upstream)
  const url = `http://127.0.0.1:${evil.port}`
  const hex = (text: string): Buffer => Buffer.from(text, 'hex')
  const cases: Readonly<Record<string, Buffer | string>> = {
    'no msgpack': hex('c1'),
    'an empty message': Buffer.alloc(0),
    'a text': 'hello',
    'a second welcome': Buffer.concat([
      hex('9902a0a0010101010191'),
      hex(`d9${url.length.toString(16)}`),
      Buffer.from(url),
    ]),
    'a hello': hex('9801a00101909000'.concat('0101')),
    'a head': hex('970701ccc8c090c0c3'),
    'credit for nothing': hex('930a0901'),
    'data for nothing': hex('930809c40178'),
    'a going away to elsewhere': Buffer.concat([hex('9405010ad9'), Buffer.of(url.length), Buffer.from(url)]),
    'deep arrays': Buffer.alloc(200_000, 0x91),
    'a stream of no known kind': hex('98060109a3474554a12f90c0c3'),
    'a stream without a method': hex('98060101a0a12f90c0c3'),
    'the same stream twice': Buffer.concat([
      hex('98060101a3474554a12f90c0c3'),
      hex('98060101a3474554a12f90c0c3'),
    ]),
    'a method that splits': Buffer.concat([
      hex('98060101af'),
      Buffer.from('GET / HTTP/1.1\r'),
      hex('a12f90c0c3'),
    ]),
    'a target that splits': Buffer.concat([
      hex('98060101a3474554b8'),
      Buffer.from('/ HTTP/1.1\r\nX-Evil: 1\r\n\r'),
      hex('90c0c3'),
    ]),
    'a field that splits': Buffer.concat([
      hex('98060101a3474554a12f92a178ac'),
      Buffer.from('a\r\nX-Evil: 1'),
      hex('c0c3'),
    ]),
    'a Host that splits': Buffer.concat([
      hex('98060101a3474554a12f92a4'),
      Buffer.from('host'),
      hex('ac'),
      Buffer.from('a\r\nX-Evil: 1'),
      hex('c0c3'),
    ]),
  }
  for (const [name, message] of Object.entries(cases)) {
    const seen: string[] = []
    upstream.removeAllListeners('connection').on('connection', (socket: Socket) => {
      socket
        .on('error', () => {})
        .on('data', (chunk) => {
          seen.push(chunk.toString('latin1'))
          socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')
        })
    })
    const { link, agent, gateway } = await rig(t, { forward })
    // The mux of the test would take what comes back for answers to its own streams.
    link.websocket.removeAllListeners('message')
    link.websocket.send(message)
    await Promise.race([once(link, 'close'), once(link.websocket, 'message'), sleep(300)])
    t.notMatch(seen.join(), /X-Evil/, name)
    agent.destroy()
    await gateway.stop()
  }
  t.equal(evil.visits(), 0, 'no agent went where a gateway pointed')
})
