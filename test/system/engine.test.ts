import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import t from 'tap'
import type { Caller, ResponseHead } from '../../gateway/edge/engine.js'
import { loadUws } from '../../gateway/edge/uws.js'
import { field, NO_EVENTS, parseResponse, RawCaller, rig, Signal } from '../helpers/engine-rig.js'

const OK: ResponseHead = { status: 200, headers: [] }
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** Runs one exchange against `answer` and gives back the response and the errors that were told. */
async function exchange(answer: (caller: Caller) => void, request = GET, method = 'GET') {
  await using site = await rig(answer)
  const caller = new RawCaller(site.port)
  caller.send(request)
  const response = await caller.response(method)
  const closes = field(response.headers, 'connection') === 'close'
  if (closes) await Promise.race([caller.closed, new Promise((resolve) => setImmediate(resolve))])
  caller.socket.destroy()
  return { ...response, closes, errors: site.errors.map(String) }
}

t.test('a handler that throws costs its own exchange and nothing else', async (t) => {
  await using site = await rig((caller) => {
    switch (caller.head.target) {
      case '/now':
        throw new Error('now')
      case '/data':
        caller.events = {
          ...NO_EVENTS,
          data: () => {
            throw new Error('data')
          },
        }
        return
      case '/end':
        caller.events = {
          ...NO_EVENTS,
          end: () => {
            throw new Error('end')
          },
        }
        return
      case '/begun':
        caller.start(OK)
        caller.write(Buffer.from('x'))
        throw new Error('begun')
      case '/after':
        caller.respond(OK, 'fine')
        throw new Error('after')
    }
  })
  for (const target of ['/now', '/data', '/end']) {
    const caller = new RawCaller(site.port)
    caller.send(`POST ${target} HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx`)
    t.equal((await caller.response()).status, 500, target)
    await caller.closed
  }
  const begun = new RawCaller(site.port).send('GET /begun HTTP/1.1\r\nhost: a\r\n\r\n')
  await begun.closed
  t.notOk(parseResponse(begun.bytes)?.complete, 'an answer that has begun is cut')
  const after = new RawCaller(site.port).send('GET /after HTTP/1.1\r\nhost: a\r\n\r\n')
  t.equal(String((await after.response()).body), 'fine')
  after.socket.destroy()
  t.strictSame(
    site.errors.map(String),
    ['now', 'data', 'end', 'begun', 'after'].map((each) => `Error: ${each}`),
  )
})

t.test('a caller that leaves is told of once, and what is said to it afterwards does nothing', async (t) => {
  for (const stage of ['before the body', 'mid-body', 'before the answer', 'mid-answer']) {
    const ready = new Signal<Caller>()
    let aborted = 0
    const left = new Signal()
    await using site = await rig((caller) => {
      const events = {
        ...NO_EVENTS,
        aborted: () => {
          aborted += 1
          left.fire()
        },
      }
      caller.events = events
      if (stage === 'before the body') ready.fire(caller)
      if (stage === 'mid-body') caller.events = { ...events, data: () => ready.fire(caller) }
      if (stage === 'before the answer') caller.events = { ...events, end: () => ready.fire(caller) }
      if (stage === 'mid-answer') {
        const answer = () => {
          caller.start(OK)
          caller.write(Buffer.alloc(10))
          ready.fire(caller)
        }
        caller.events = { ...events, end: answer }
      }
    })
    const body = { 'before the body': '', 'mid-body': 'ab' }[stage] ?? 'abcd'
    const raw = new RawCaller(site.port).send(
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n${body}`,
    )
    const caller = await ready.promise
    raw.socket.destroy()
    await left.promise
    caller.pause()
    caller.resume()
    t.equal(caller.write(Buffer.alloc(1 << 20)), true)
    caller.start(OK)
    caller.respond(OK, 'x')
    caller.end()
    caller.cut()
    caller.pause()
    t.equal(aborted, 1, stage)
    t.strictSame(site.errors, [])
  }
})

t.test('a head that would split the answer is refused', async (t) => {
  const bad: [string, ResponseHead][] = [
    ['CR in a value', { status: 200, headers: ['x-a', 'a\rb'] }],
    ['LF in a value', { status: 200, headers: ['x-a', 'a\nset-cookie: b'] }],
    ['NUL in a value', { status: 200, headers: ['x-a', 'a\0b'] }],
    ['a char above 255', { status: 200, headers: ['x-a', '\u0100'] }],
    ['a colon in a name', { status: 200, headers: ['x:a', 'b'] }],
    ['CRLF in a name', { status: 200, headers: ['x\r\na', 'b'] }],
    ['an empty name', { status: 200, headers: ['', 'b'] }],
    ['a name without a value', { status: 200, headers: ['x-a'] }],
    ['CRLF in the reason', { status: 200, reason: 'OK\r\nx: y', headers: [] }],
    ['a status below 200', { status: 101, headers: [] }],
    ['a status that is no number', { status: Number.NaN, headers: [] }],
  ]
  for (const [name, head] of bad) {
    for (const way of ['respond', 'start'] as const) {
      const response = await exchange((caller) => {
        if (way === 'respond') caller.respond(head, 'body')
        else {
          caller.start(head)
          caller.write(Buffer.from('body'))
          caller.end()
        }
      })
      t.equal(response.status, 502, `${name}, ${way}`)
      t.equal(response.closes, true)
      t.notMatch(String(response.body), 'body')
      t.equal(response.errors.length, 1)
      t.match(response.errors[0], /answer refused: .*(response field|reason phrase|status)/)
    }
  }
})

t.test('framing and date are the engine’s own, and it does not name itself', async (t) => {
  const mine = [
    'content-length',
    '7',
    'Transfer-Encoding',
    'chunked',
    'connection',
    'close',
    'date',
    'then',
    'x-a',
    'b',
  ]
  const { headers, closes } = await exchange((caller) =>
    caller.respond({ status: 200, headers: mine }, 'abc'),
  )
  t.strictSame(
    headers.filter((_, i) => i % 2 === 0),
    ['x-a', 'date', 'content-length'],
  )
  t.equal(field(headers, 'content-length'), '3')
  t.match(field(headers, 'date'), /GMT$/)
  t.equal(closes, false)
})

t.test('bytes of a response head go out as they are', async (t) => {
  const head = {
    status: 299,
    reason: 'Gr\xfc\xdfe',
    headers: ['x-a', 'caf\xe9\t\x80', 'x-a', '', 'X-B', 'b'],
  }
  const response = await exchange((caller) => caller.respond(head))
  t.equal(response.status, 299)
  t.equal(response.reason, 'Gr\xfc\xdfe')
  t.strictSame(response.headers.slice(0, 6), ['x-a', 'caf\xe9\t\x80', 'x-a', '', 'x-b', 'b'])
})

t.test('answers without a body', async (t) => {
  const length = (headers: string[]) => field(headers, 'content-length')
  for (const close of [false, true]) {
    for (const way of ['respond', 'start'] as const) {
      const say = (head: ResponseHead) => (caller: Caller) => {
        if (way === 'respond') caller.respond({ ...head, close }, 'body')
        else {
          caller.start({ ...head, close })
          caller.write(Buffer.from('body'))
          caller.end()
        }
      }
      const name = `${way}${close ? ' and close' : ''}`
      const HEAD = 'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n'
      const next = close ? '' : GET
      const sized = await exchange(say({ ...OK, length: 4 }), HEAD + next, 'HEAD')
      t.equal(length(sized.headers), '4', `HEAD, ${name}`)
      const unsized = await exchange(say(OK), HEAD, 'HEAD')
      t.equal(length(unsized.headers), way === 'respond' ? '4' : undefined, `HEAD of unknown length, ${name}`)
      const cached = await exchange(say({ status: 304, headers: [], length: 4 }))
      t.equal(length(cached.headers), '4', `304, ${name}`)
      const empty = await exchange(say({ status: 204, headers: [], length: 0 }))
      t.equal(length(empty.headers), undefined, `204, ${name}`)
      for (const each of [sized, unsized, cached, empty]) {
        t.match(String(each.rest), /^(HTTP|$)/, `no body, ${name}`)
        t.equal(each.closes, close)
        t.equal(each.headers.filter((field) => field === 'date').length, 1)
        t.strictSame(each.errors, [])
      }
      const zero = await exchange(say({ ...OK, length: 0 }))
      if (way === 'start') t.equal(length(zero.headers), '0')
    }
  }
  const nothing = await exchange((caller) => {
    caller.start(OK)
    caller.end()
  })
  t.equal(length(nothing.headers), '0', 'a stream that ended without a byte')
})

t.test('the request head arrives byte for byte', async (t) => {
  await using site = await rig((caller) => caller.respond(OK, JSON.stringify(caller.head)))
  const ask = async (request: string) => {
    const caller = new RawCaller(site.port).send(Buffer.from(request, 'latin1'))
    const response = await caller.response()
    if (response.status === 400) await caller.closed
    caller.socket.destroy()
    return response.status === 200 ? JSON.parse(String(response.body)) : response.status
  }
  t.strictSame(
    await ask('PrOp_1 /a//../b%2f?x=%00&y HTTP/1.1\r\nHost: A\r\nX-A: 1\r\nx-b:\r\nx-a: 2\r\n\r\n'),
    {
      method: 'PrOp_1',
      target: '/a//../b%2f?x=%00&y',
      headers: ['host', 'A', 'x-a', '1', 'x-b', '', 'x-a', '2'],
      remoteAddress: '127.0.0.1',
      secure: false,
    },
  )
  t.equal((await ask('GET /a? HTTP/1.1\r\nhost: a\r\n\r\n')).target, '/a?')
  t.equal((await ask('GET /a?b?c#d HTTP/1.1\r\nhost: a\r\n\r\n')).target, '/a?b?c#d')
  t.equal((await ask('GET /\xc3\xa9?\xc3\xa8 HTTP/1.1\r\nhost: a\r\n\r\n')).target, '/\xc3\xa9?\xc3\xa8')
  const values = (head: { headers: string[] }) => head.headers.slice(2)
  t.strictSame(values(await ask('GET / HTTP/1.1\r\nhost: a\r\nx: a\xc3\xa9b\r\n\r\n')), ['x', 'a\xc3\xa9b'])
  t.strictSame(values(await ask('GET / HTTP/1.1\r\nhost: a\r\nx: a\xe9b\r\n\r\n')), ['x', 'a\xe9b'])
  t.strictSame(values(await ask('GET / HTTP/1.1\r\nhost: a\r\nx: a\xef\xbf\xbdb\r\n\r\n')), [
    'x',
    'a\xef\xbf\xbdb',
  ])
  t.equal(
    await ask('GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: a\xe9b\r\n\r\n'),
    400,
    'only the first can be told',
  )
  t.equal(await ask('GET /\xe9 HTTP/1.1\r\nhost: a\r\n\r\n'), 400)
  t.equal(await ask('GET /?\xe9 HTTP/1.1\r\nhost: a\r\n\r\n'), 400)
  const long = await ask(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(18_000)}\r\n\r\n`)
  t.equal(values(long)[1]!.length, 18_000, 'past what callers are promised, for the gateway to refuse')
  t.equal(await ask(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(30_000)}\r\n\r\n`), 431)
})

t.test('the address of a caller', async (t) => {
  await using site = await rig((caller) => caller.respond(OK, caller.head.remoteAddress), undefined, {
    host: '::',
  })
  for (const [host, expected] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
  ] as const) {
    const caller = new RawCaller(site.port, host).send(GET)
    t.equal(String((await caller.response()).body), expected)
    caller.socket.destroy()
  }
})

t.test('request bodies', async (t) => {
  const seen: { chunks: Buffer[]; sameTurn: boolean }[] = []
  await using site = await rig((caller) => {
    const it = { chunks: [] as Buffer[], sameTurn: true }
    setImmediate(() => (it.sameTurn = false))
    caller.events = {
      ...NO_EVENTS,
      data: (chunk) => it.chunks.push(Buffer.from(chunk)),
      end: () => {
        seen.push({ ...it })
        caller.respond(OK, Buffer.concat(it.chunks))
      },
    }
  })
  const ask = async (request: string) => {
    const caller = new RawCaller(site.port).send(request)
    const { body } = await caller.response()
    caller.socket.destroy()
    return String(body)
  }
  t.equal(await ask(GET), '')
  t.equal(await ask('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'), '')
  t.equal(await ask('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc'), 'abc')
  t.equal(
    await ask(
      'PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    ),
    'abcde',
  )
  t.equal(
    seen.every((each) => each.sameTurn),
    true,
    'the end comes in the turn of the request',
  )

  const big = randomBytes(20 << 20)
  const caller = new RawCaller(site.port)
  caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${big.length}\r\n\r\n`).send(big)
  const { body } = await caller.response()
  t.ok(body.equals(big), 'chunks survive the engine’s own buffers')
  caller.socket.destroy()
})

t.test('a paused upload delivers nothing, loses nothing, and pause and resume are idempotent', async (t) => {
  const got: Buffer[] = []
  let paused = false
  let during = 0
  await using site = await rig((caller) => {
    caller.events = {
      ...NO_EVENTS,
      data: (chunk) => {
        if (paused) during += 1
        got.push(Buffer.from(chunk))
        caller.pause()
        caller.pause()
        paused = true
        setTimeout(() => {
          paused = false
          caller.resume()
          caller.resume()
        }, 2)
      },
      end: () => {
        if (paused) during += 1
        caller.respond(OK, 'done')
      },
    }
  })
  for (const framing of ['content-length', 'chunked']) {
    got.length = 0
    const body = randomBytes(framing === 'chunked' ? 40_000 : 16 << 20)
    const caller = new RawCaller(site.port)
    if (framing === 'chunked') {
      caller.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n')
      for (let at = 0; at < body.length; at += 1000)
        caller
          .send(`3e8\r\n`)
          .send(body.subarray(at, at + 1000))
          .send('\r\n')
      caller.send('0\r\n\r\n')
    } else caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`).send(body)
    t.equal(String((await caller.response()).body), 'done', framing)
    t.ok(Buffer.concat(got).equals(body))
    caller.socket.destroy()
  }
  t.equal(during, 0)
})

/** Streams `size` bytes in pieces of random size and keeps count of promises broken. */
function source(caller: Caller, size: number, length: number | undefined) {
  const hash = createHash('sha256')
  const told = { digest: '', early: 0, writables: 0, falses: 0 }
  let left = size
  let room = true
  const go = () => {
    while (left > 0) {
      const chunk = randomBytes(Math.min(left, 1 + Math.floor(Math.random() ** 3 * 300_000)))
      hash.update(chunk)
      left -= chunk.length
      room = caller.write(chunk)
      if (room) continue
      told.falses += 1
      return
    }
    told.digest = hash.digest('hex')
    caller.end()
  }
  caller.start({ status: 200, headers: [], length })
  caller.events = {
    ...NO_EVENTS,
    writable: () => {
      told.writables += 1
      if (room) told.early += 1
      room = true
      go()
    },
  }
  go()
  return told
}

t.test('200 MiB in random pieces to a reader that keeps stopping', async (t) => {
  const size = 200 << 20
  for (const length of [undefined, size]) {
    for (const chunkedRequest of [false, true]) {
      let told: ReturnType<typeof source> | undefined
      await using site = await rig((caller) => {
        caller.events = { ...NO_EVENTS, end: () => (told = source(caller, size, length)) }
      })
      const hash = createHash('sha256')
      let got = 0
      await new Promise<void>((resolve, reject) => {
        const request = http.request({ port: site.port, method: 'POST' }, (response) => {
          response.on('data', (chunk: Buffer) => {
            hash.update(chunk)
            got += chunk.length
            if (Math.random() > 0.005) return
            response.pause()
            setTimeout(() => response.resume(), 3)
          })
          response.on('end', resolve)
          response.on('error', reject)
        })
        request.on('error', reject)
        if (chunkedRequest) request.write('x')
        request.end()
      })
      const name = `${length === undefined ? 'chunked' : 'with a length'}${chunkedRequest ? ', and close' : ''}`
      t.equal(got, size, name)
      t.equal(hash.digest('hex'), told?.digest)
      t.equal(told?.early, 0, 'no writable without a false before it')
      t.ok(
        told!.falses - told!.writables <= 1 && told!.writables <= told!.falses,
        'one writable after each false',
      )
    }
  }
})

t.test('a promised length is kept', async (t) => {
  const over = await exchange((caller) => {
    caller.start({ ...OK, length: 5 })
    caller.write(Buffer.from('abc'))
    caller.write(Buffer.from('defgh'))
    caller.write(Buffer.from('ijk'))
    caller.end()
  }, GET)
  t.equal(String(over.body), 'abcde')
  t.equal(String(over.rest), '')

  await using site = await rig((caller) => {
    caller.start({ ...OK, length: caller.head.target === '/none' ? 5 : 9 })
    if (caller.head.target !== '/none') caller.write(Buffer.from('abc'))
    caller.end()
  })
  for (const target of ['/short', '/none']) {
    const caller = new RawCaller(site.port).send(`GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`)
    await caller.closed
    t.notOk(parseResponse(caller.bytes)?.complete, target)
  }
})

t.test('cut leaves an answer visibly incomplete', async (t) => {
  await using site = await rig((caller) => {
    caller.start(OK)
    caller.write(Buffer.from('abc'))
    setImmediate(() => caller.cut())
  })
  const caller = new RawCaller(site.port).send(GET)
  await caller.closed
  const response = parseResponse(caller.bytes)
  t.equal(String(response?.body), 'abc')
  t.equal(response?.complete, false)
})

t.test('a head with a length does not wait for the body, and a small answer is one piece', async (t) => {
  const go = new Signal<Caller>()
  await using site = await rig((caller) => {
    if (caller.head.target === '/small')
      return caller.respond({ status: 200, headers: ['x-a', 'b'] }, 'x'.repeat(10_000))
    caller.start({ ...OK, length: 3 })
    go.fire(caller)
  })
  const caller = new RawCaller(site.port).send(GET)
  const streaming = await go.promise
  while (!caller.bytes.includes('\r\n\r\n'))
    await new Promise((resolve) => caller.socket.once('data', resolve))
  t.match(caller.bytes.toString(), 'Content-Length: 3')
  streaming.write(Buffer.from('abc'))
  streaming.end()
  t.equal(String((await caller.response()).body), 'abc')

  caller.clear()
  let pieces = 0
  caller.socket.on('data', () => (pieces += 1))
  caller.send('GET /small HTTP/1.1\r\nhost: a\r\n\r\n')
  t.equal((await caller.response()).body.length, 10_000)
  t.equal(pieces, 1)
  caller.socket.destroy()
})

t.test('what follows a chunked request on its connection is never served', async (t) => {
  const POST = 'POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'
  const SECOND = 'GET /second HTTP/1.1\r\nhost: a\r\n\r\n'
  const answers: Record<string, (caller: Caller) => void> = {
    'in the handler': (caller) => caller.respond(OK, 'one'),
    'at the end': (caller) => {
      caller.events = { ...NO_EVENTS, end: () => caller.respond(OK, 'one') }
    },
    later: (caller) => {
      setImmediate(() => setImmediate(() => caller.respond(OK, 'one')))
    },
    streamed: (caller) => {
      caller.start(OK)
      caller.write(Buffer.from('one'))
      caller.end()
    },
    'streamed with a length': (caller) => {
      caller.start({ ...OK, length: 3 })
      caller.write(Buffer.from('one'))
      caller.end()
    },
    'without a body': (caller) => caller.respond({ status: 204, headers: [] }),
  }
  for (const [name, answer] of Object.entries(answers)) {
    const targets: string[] = []
    await using site = await rig((caller) => {
      targets.push(caller.head.target)
      answer(caller)
    })
    const together = new RawCaller(site.port).send(POST + SECOND)
    await together.closed
    t.strictSame(targets, ['/first'], `${name}: in one piece`)

    const apart = new RawCaller(site.port).send(POST)
    const response = await apart.response()
    t.equal(field(response.headers, 'connection'), 'close')
    if (response.status === 200) t.equal(String(response.body), 'one', name)
    apart.send(SECOND)
    await apart.closed
    t.strictSame(targets, ['/first', '/first'], `${name}: after the answer`)
  }
})

t.test('and so with any answer that closes', async (t) => {
  const targets: string[] = []
  await using site = await rig((caller) => {
    targets.push(caller.head.target)
    caller.respond({ status: 400, headers: [], close: true }, 'no')
  })
  const caller = new RawCaller(site.port).send(GET + GET.replace('/', '/second'))
  await caller.closed
  t.strictSame(targets, ['/'])
})

t.test('an answer before the body is read reaches a caller that still sends', async (t) => {
  const size = 8 << 20
  for (const way of ['respond', 'empty', 'start', 'sized'] as const) {
    await using site = await rig((caller) => {
      const head = { status: 413, headers: [] }
      if (way === 'respond') caller.respond(head, 'too much')
      else if (way === 'empty') caller.respond(head)
      else {
        caller.start(way === 'sized' ? { ...head, length: 8 } : head)
        caller.write(Buffer.from('too much'))
        caller.end()
      }
    })
    const caller = new RawCaller(site.port)
    caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`)
    const response = await caller.response()
    t.equal(response.status, 413, way)
    t.equal(field(response.headers, 'connection'), 'close')
    t.equal(String(response.body), way === 'empty' ? '' : 'too much')
    await new Promise<void>((resolve) => caller.socket.write(Buffer.alloc(size), () => resolve()))
    caller.socket.destroy()
  }
})

t.test('a short body that comes with its head costs no connection', async (t) => {
  await using site = await rig((caller) => caller.respond({ status: 404, headers: [] }, 'no'))
  const caller = new RawCaller(site.port)
  for (let i = 0; i < 3; i += 1) {
    caller.clear()
    caller.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc')
    const response = await caller.response()
    t.equal(response.status, 404)
    t.equal(field(response.headers, 'connection'), undefined)
  }
  caller.socket.destroy()
})

t.test('a caller that asks for it is disconnected after the answer', async (t) => {
  await using site = await rig((caller) => {
    if (caller.head.target === '/') return caller.respond(OK, 'bye')
    caller.start(OK)
    caller.write(Buffer.from('bye'))
    setImmediate(() => caller.end())
  })
  for (const target of ['/', '/stream']) {
    const caller = new RawCaller(site.port).send(
      `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    )
    await caller.closed
    t.equal(String(parseResponse(caller.bytes)?.body), 'bye')
  }
})

t.test('clients read the last chunk of an answer that ends the connection', async (t) => {
  await using site = await rig((caller) => {
    caller.start({ ...OK, close: true })
    caller.write(Buffer.from('hello'))
    caller.end()
  })
  t.equal(await (await fetch(`http://127.0.0.1:${site.port}/`)).text(), 'hello', 'undici')
  const complete = await new Promise((resolve) => {
    http.get({ port: site.port, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.complete))
    })
  })
  t.equal(complete, true, 'node:http')
})

t.test('listening', async (t) => {
  // A fixed port, as one that was picked for port 0 stays taken while its connections are in TIME_WAIT.
  const probe = await rig(() => {})
  t.ok(probe.port > 0)
  await probe.engine.close()
  const first = await rig((caller) => caller.respond(OK, 'hi'), undefined, { port: probe.port })
  t.equal(first.port, probe.port)
  const create = await loadUws()
  const options = {
    host: '127.0.0.1',
    port: first.port,
    maxMessage: 1024,
    maxBackpressure: 1024,
    onError() {},
  }
  const handlers = { request() {}, upgrade() {} }
  const taken = create(options, handlers)
  await t.rejects(
    taken.listen(),
    new Error(`127.0.0.1:${first.port} is in use or not an address of this machine`),
  )
  await taken.close()
  const foreign = create({ ...options, host: '192.0.2.1', port: 0 }, handlers)
  await t.rejects(foreign.listen(), /^192\.0\.2\.1:0 is in use or not an address of this machine$/)
  await foreign.close()

  const caller = new RawCaller(first.port).send(GET)
  await caller.response()
  first.engine.stopAccepting()
  first.engine.stopAccepting()
  const refused = new RawCaller(first.port)
  await refused.closed
  t.equal(refused.length, 0, 'no new connection')
  caller.clear()
  caller.send(GET)
  t.equal(String((await caller.response()).body), 'hi', 'an open one is served')
  await first.engine.close()
  await caller.closed
  const again = create({ ...options, port: first.port }, handlers)
  t.equal(await again.listen(), first.port, 'the port is free')
  await again.close()
})

t.test('close cuts what is open, and tells its exchange outside the call', async (t) => {
  const ready = new Signal()
  const log: string[] = []
  const site = await rig((caller) => {
    caller.events = { ...NO_EVENTS, aborted: () => log.push('aborted') }
    ready.fire()
  })
  const caller = new RawCaller(site.port).send(GET)
  await ready.promise
  const closed = site.engine.close()
  log.push('called')
  await closed
  await caller.closed
  t.strictSame(log, ['called', 'aborted'])
})

t.test('build facts', async (t) => {
  await using site = await rig(() => {})
  t.equal(site.engine.name, 'uws')
  t.match(site.engine.build, { abi: process.versions.modules, binary: /\.node$/, sha256: /^[0-9a-f]{64}$/ })
})
