/** What an engine makes of callers that are slow, early, half gone or wrong. */
import { once } from 'node:events'
import type { Caller, ResponseHead } from '../../gateway/edge/engine.js'
import { NO_EVENTS, parseResponse, RawCaller, Signal } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'

const OK: ResponseHead = { status: 200, headers: [] }
const get = (target: string) => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`
const CHUNKED = 'POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'

const PIPELINING = { only: 'node', why: 'uWebSockets.js ends the connection' } as const

/** Every response on it until the connection ends. */
const responses = async (caller: RawCaller) => {
  await caller.closed
  const all: string[] = []
  for (let rest = caller.bytes; rest.length > 0; ) {
    const response = parseResponse(rest)
    if (response === undefined) break
    all.push(`${response.status} ${response.body}`)
    rest = response.rest
  }
  return all
}

suites(({ engine, rig, test }) => {
  /** Answers with the target, later where that begins with `/later`. */
  const echo = (caller: Caller) => {
    const answer = () => caller.respond(OK, caller.head.target)
    if (caller.head.target.startsWith('/later')) setTimeout(answer, 20)
    else answer()
  }

  test('requests that do not wait for answers are answered in their order', PIPELINING, async (t) => {
    await using site = await rig((caller) => {
      if (caller.head.target !== '/stream') return echo(caller)
      caller.start(OK)
      setTimeout(() => caller.write(Buffer.from('str')), 5)
      setTimeout(() => {
        caller.write(Buffer.from('eam'))
        caller.end()
      }, 10)
    })
    const caller = new RawCaller(site.port).send(get('/later') + get('/stream') + get('/now') + CHUNKED)
    caller.send('1\r\nx\r\n0\r\n\r\nGET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    t.strictSame(await responses(caller), ['200 /later', '200 stream', '200 /now', '200 /first', '200 /last'])
  })

  test('garbage behind a request does not take its answer', PIPELINING, async (t) => {
    await using site = await rig((caller) => {
      if (caller.head.target !== '/stream') return echo(caller)
      caller.start(OK)
      caller.write(Buffer.from('/str'))
      setTimeout(() => {
        caller.write(Buffer.from('eam'))
        caller.end()
      }, 10)
    })
    for (const target of ['/now', '/later', '/stream']) {
      const caller = new RawCaller(site.port).send(`${get(target)}what is this\r\n\r\n${get('/never')}`)
      t.strictSame((await responses(caller)).slice(0, 1), [`200 ${target}`])
      t.notMatch(String(caller.bytes), '/never')
    }
  })

  test('a caller that ends its side gets its answer, soon or as it is written', {
    only: 'node',
    why: 'uWebSockets.js ends the connection',
  }, async (t) => {
    await using site = await rig((caller) => {
      if (caller.head.target !== '/stream') return echo(caller)
      caller.start(OK)
      setTimeout(() => caller.write(Buffer.from('one ')), 1000)
      setTimeout(() => {
        caller.write(Buffer.from('two'))
        caller.end()
      }, 2500)
    })
    for (const [target, body] of [
      ['/now', '/now'],
      ['/later', '/later'],
      ['/stream', 'one two'],
    ] as const) {
      const caller = new RawCaller(site.port)
      caller.socket.end(get(target))
      t.strictSame(await responses(caller), [`200 ${body}`], target)
    }
    const several = new RawCaller(site.port)
    several.socket.end(get('/later') + get('/now') + get('/later/2'))
    t.strictSame(await responses(several), ['200 /later', '200 /now', '200 /later/2'])
    const queued = new RawCaller(site.port)
    queued.socket.end(get('/later') + get('/now/1') + get('/now/2'))
    t.strictSame(await responses(queued), ['200 /later', '200 /now/1', '200 /now/2'])
    const upload = new RawCaller(site.port)
    upload.socket.end(`${CHUNKED}1\r\nx\r\n0\r\n\r\n`)
    t.strictSame(await responses(upload), ['200 /first'])
  })

  test('an upload that ends early is no upload', async (t) => {
    const left = new Signal()
    let ended = 0
    await using site = await rig((caller) => {
      caller.events = { ...NO_EVENTS, aborted: left.fire, end: () => (ended += 1) }
    })
    const caller = new RawCaller(site.port)
    caller.socket.end('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab')
    await left.promise
    t.equal(ended, 0)
  })

  test('chunks that are none cost the exchange', {
    only: 'node',
    why: 'the parser of uWebSockets.js is lenient about chunks',
  }, async (t) => {
    for (const body of [
      'x\r\n',
      '1;\r\nab\r\n',
      '1\nx\n0\n\n',
      '-1\r\n',
      '1 \r\nx\r\n0\r\n\r\n',
      '2\r\nxyz\r\n',
    ]) {
      const log: string[] = []
      const left = new Signal()
      await using site = await rig((caller) => {
        caller.events = {
          ...NO_EVENTS,
          end: () => log.push('end'),
          aborted: () => {
            log.push('aborted')
            left.fire()
          },
        }
      })
      const caller = new RawCaller(site.port).send(CHUNKED + body + get('/second'))
      t.strictSame(await responses(caller), ['400 '], JSON.stringify(body))
      await left.promise
      t.strictSame(log, ['aborted'])
    }
  })

  test('heads that are none are refused before anybody sees them', {
    only: 'node',
    why: 'uWebSockets.js lets some pass, which the gateway refuses, and answers others with silence',
  }, async (t) => {
    let seen = 0
    await using site = await rig((caller) => {
      seen += 1
      caller.respond(OK)
    })
    const line = (field: string, first = 'GET / HTTP/1.1') => `${first}\r\nhost: a\r\n${field}\r\n\r\n`
    for (const request of [
      line('content-length: 1\r\ncontent-length: 2'),
      line('content-length:'),
      line('content-length: +1'),
      line('content-length: 1\r\ntransfer-encoding: chunked'),
      line('transfer-encoding: chunked, gzip'),
      line('x y: z'),
      line('x : z'),
      line(' x: z'),
      line('x'),
      line('x: a\0b'),
      line('x: a\rb'),
      line('x: y', 'GET / HTTP/1.1 '),
      line('x: y', 'GET / HTTQ/1.1'),
      line('x: y', 'G"T / HTTP/1.1'),
    ]) {
      const caller = new RawCaller(site.port).send(request + get('/second'))
      t.strictSame(await responses(caller), ['400 '], JSON.stringify(request))
    }
    t.equal(seen, 0)
  })

  test('an Upgrade to something else is an ordinary request, with its body', async (t) => {
    await using site = await rig((caller) => {
      const chunks: Buffer[] = []
      caller.events = {
        ...NO_EVENTS,
        data: (chunk) => chunks.push(Buffer.from(chunk)),
        end: () => caller.respond(OK, Buffer.concat(chunks)),
      }
    })
    const upgrade = 'host: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n'
    for (const [request, body] of [
      [`POST / HTTP/1.1\r\n${upgrade}content-length: 3\r\n\r\nabc`, 'abc'],
      [`GET / HTTP/1.1\r\n${upgrade}\r\n`, ''],
      [`OPTIONS / HTTP/1.1\r\n${upgrade}\r\n`, ''],
    ] as const) {
      const caller = new RawCaller(site.port).send(request)
      t.equal(String((await caller.response()).body), body)
      caller.socket.destroy()
    }
  })

  test('what comes together with such an Upgrade is not served, since its begin may be lost', {
    only: 'node',
    why: 'the parser of uWebSockets.js reads on',
  }, async (t) => {
    const targets: string[] = []
    await using site = await rig((caller) => {
      targets.push(caller.head.target)
      setTimeout(() => caller.respond(OK, 'one'), 20)
    })
    const caller = new RawCaller(site.port)
    caller.send(`GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n${get('/second')}`)
    setTimeout(() => caller.send(get('/third')), 5)
    t.strictSame(await responses(caller), ['200 one'])
    t.strictSame(targets, ['/'])
  })

  test('CONNECT is an ordinary request', { only: 'node', why: 'uWebSockets.js answers 505' }, async (t) => {
    await using site = await rig((caller) =>
      caller.respond(OK, `${caller.head.method} ${caller.head.target}`),
    )
    const caller = new RawCaller(site.port).send('CONNECT b:1 HTTP/1.1\r\nhost: b:1\r\n\r\n')
    t.equal(String((await caller.response()).body), 'CONNECT b:1')
    caller.socket.destroy()
  })

  test('a handshake that does not wait for the answer before it is not served', async (t) => {
    let upgrades = 0
    await using site = await rig(echo, (upgrade) => {
      upgrades += 1
      upgrade.caller.respond(OK)
    })
    const caller = new RawCaller(site.port).send(
      get('/later') +
        'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await caller.closed
    t.strictSame([upgrades, caller.length], [0, 0])
  })

  test('100 Continue is said once the body is wanted, and not where it never is', async (t) => {
    await using site = await rig((caller) => {
      if (caller.head.target === '/no') return caller.respond({ status: 413, headers: [] }, 'no')
      caller.events = { ...NO_EVENTS, end: () => caller.respond(OK, 'yes') }
    })
    const ask = (target: string) =>
      `POST ${target} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n`
    const wanted = new RawCaller(site.port).send(ask('/'))
    await once(wanted.socket, 'data')
    t.equal(String(wanted.bytes), 'HTTP/1.1 100 Continue\r\n\r\n')
    wanted.clear()
    t.equal(String((await wanted.send('ab').response()).body), 'yes')
    wanted.socket.destroy()
    if (engine === 'uws') return
    const unwanted = new RawCaller(site.port).send(ask('/no'))
    t.equal((await unwanted.response()).status, 413)
    unwanted.socket.destroy()
  })

  test('one who never stops asking after the last answer is disconnected', async (t) => {
    let seen = 0
    await using site = await rig((caller) => {
      seen += 1
      caller.respond({ ...OK, close: true }, 'last')
    })
    const caller = new RawCaller(site.port).send(get('/'))
    // Read first: the end of a connection with unread bytes may take what is under way with it.
    t.equal((await caller.response()).complete, true)
    const timer = setInterval(() => caller.send(get('/').repeat(100)), 5)
    t.teardown(() => clearInterval(timer))
    await caller.closed
    t.equal(seen, 1)
  })
})
