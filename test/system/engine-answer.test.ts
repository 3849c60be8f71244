import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Caller, ResponseHead } from '../../gateway/edge/engine.js'
import { field, NO_EVENTS, parseResponse, RawCaller, Signal } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'

const OK: ResponseHead = { status: 200, headers: [] }
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** How many answers of this body the bytes begin with. */
function answersOf(bytes: Buffer, body: Buffer): number {
  let rest = bytes
  for (let count = 0; ; count += 1) {
    const response = parseResponse(rest)
    if (!response?.complete || !response.body.equals(body)) return count
    rest = response.rest
  }
}

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
      // Before the last of it can be at the reader.
      if (left === 0) told.digest = hash.digest('hex')
      room = caller.write(chunk)
      if (room) continue
      told.falses += 1
      return
    }
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

suites(({ rig, test }) => {
  /** Runs one exchange against `answer` and gives back the response and the errors that were told. */
  const exchange = async (answer: (caller: Caller) => void, request = GET, method = 'GET') => {
    await using site = await rig(answer)
    const caller = new RawCaller(site.port)
    caller.send(request)
    const response = await caller.response(method)
    const closes = field(response.headers, 'connection') === 'close'
    if (closes) await Promise.race([caller.closed, new Promise((resolve) => setImmediate(resolve))])
    caller.socket.destroy()
    return { ...response, closes, errors: site.errors.map(String) }
  }

  test('a head that would split the answer is refused', async (t) => {
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

  test('framing and date are the engine’s own, and it does not name itself', async (t) => {
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
    t.strictSame(headers.filter((_, i) => i % 2 === 0).sort(), ['content-length', 'date', 'x-a'])
    t.equal(field(headers, 'content-length'), '3')
    t.match(field(headers, 'date'), /GMT$/)
    t.equal(closes, false)
  })

  test('bytes of a response head go out as they are', async (t) => {
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

  test('answers without a body', async (t) => {
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
        t.equal(
          length(unsized.headers),
          way === 'respond' ? '4' : undefined,
          `HEAD of unknown length, ${name}`,
        )
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

  test('200 MiB in random pieces to a reader that keeps stopping', async (t) => {
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

  test('a promised length is kept', async (t) => {
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

  test('cut leaves an answer visibly incomplete', async (t) => {
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

  test('a head with a length does not wait for the body, and a small answer is one piece', async (t) => {
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
    t.match(caller.bytes.toString(), /content-length: 3\r\n/i)
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

  test('clients read the last chunk of an answer that ends the connection', async (t) => {
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

  test('an upload that goes on while its answer waits for room does not take the word of room away', async (t) => {
    const paused = new Signal<Caller>()
    const full = new Signal()
    const room = new Signal()
    await using site = await rig((caller) => {
      caller.events = {
        ...NO_EVENTS,
        data: () => {
          caller.pause()
          paused.fire(caller)
        },
        writable: room.fire,
      }
    })
    const client = new RawCaller(site.port)
    client.socket.pause()
    client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx')
    const caller = await paused.promise
    setImmediate(() => {
      caller.start(OK)
      while (caller.write(Buffer.alloc(16_000)));
      full.fire()
    })
    await full.promise
    // Room comes and the upload goes on in one turn of the loop: no clock and no event of the engine lies between.
    client.socket.on('data', () => client.length > 1_000_000 && caller.resume())
    client.socket.resume()
    t.equal(await Promise.race([room.promise.then(() => 'told'), wait(5_000, 'not told')]), 'told')
    client.socket.destroy()
  })

  test('answers given from within the handler to a caller that does not read lose nothing', async (t) => {
    const oneCaller = async (size: number) => {
      const body = randomBytes(size)
      let given = new Signal()
      await using site = await rig((caller) => {
        caller.start(OK)
        const end = () => {
          caller.end()
          given.fire()
        }
        caller.events = { ...NO_EVENTS, writable: end }
        if (caller.write(body)) end()
      })
      const client = new RawCaller(site.port)
      const gone = client.closed.then(() => true)
      client.socket.pause()
      let asked = 0
      // The answer that fills the socket waits for the reader; all before it are given in a moment.
      for (let stuck = false; !stuck; asked += 1) {
        given = new Signal()
        client.send(GET)
        stuck = await Promise.race([given.promise.then(() => false), wait(300, true)])
      }
      client.socket.resume()
      // Where bytes were lost, the engine's clock ends the wait.
      while (client.length < asked * size || answersOf(client.bytes, body) < asked)
        if (await Promise.race([once(client.socket, 'data').then(() => false), gone])) break
      client.socket.destroy()
      return answersOf(client.bytes, body) - asked
    }
    // The answer at stake is one whose first piece fills the socket: with one of these sizes it is.
    const sizes = [33_000, 34_000, 35_000, 36_000, 38_000, 40_000, 42_000, 44_000]
    t.strictSame(
      await Promise.all(sizes.map(oneCaller)),
      sizes.map(() => 0),
    )
  })
})
