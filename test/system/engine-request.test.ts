import { randomBytes } from 'node:crypto'
import type { Caller, RequestHead, ResponseHead } from '../../gateway/edge/engine.js'
import { field, NO_EVENTS, RawCaller } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'

const OK: ResponseHead = { status: 200, headers: [] }
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

suites(({ engine, rig, test }) => {
  /** The head that the handler was given, or the status of a refusal. */
  const asked = async (...requests: string[]) => {
    await using site = await rig((caller) => caller.respond(OK, JSON.stringify(caller.head)))
    const seen: (Partial<RequestHead> & { refused?: number })[] = []
    for (const request of requests) {
      const caller = new RawCaller(site.port).send(request)
      const response = await caller.response()
      if (response.status === 400) await caller.closed
      caller.socket.destroy()
      seen.push(response.status === 200 ? JSON.parse(String(response.body)) : { refused: response.status })
    }
    return seen
  }
  const target = (bytes: string) => `GET ${bytes} HTTP/1.1\r\nhost: a\r\n\r\n`
  const fields = (lines: string) => `GET / HTTP/1.1\r\nhost: a\r\n${lines}\r\n\r\n`

  test('the request head arrives byte for byte', async (t) => {
    t.strictSame(
      await asked('PROPFIND /a//../b%2f?x=%00&y HTTP/1.1\r\nHost: A\r\nX-A: 1\r\nx-b:\r\nx-a: 2\r\n\r\n'),
      [
        {
          method: 'PROPFIND',
          target: '/a//../b%2f?x=%00&y',
          headers: ['host', 'A', 'x-a', '1', 'x-b', '', 'x-a', '2'],
          remoteAddress: '127.0.0.1',
          secure: false,
          clientCertificate: false,
          excess: false,
        },
      ],
    )
    const targets = await asked(target('/a?'), target('/a?b?c#d'))
    t.strictSame(
      targets.map((head) => head.target),
      ['/a?', '/a?b?c#d'],
    )
    const values = ['a\xc3\xa9b', 'a\xe9b', 'a\xef\xbf\xbdb']
    const heads = await asked(...values.map((value) => fields(`x: ${value}`)))
    t.strictSame(
      heads.map((head) => head.headers?.slice(2)),
      values.map((value) => ['x', value]),
    )
    const [long, longer] = await asked(fields(`x: ${'a'.repeat(18_000)}`), fields(`x: ${'a'.repeat(30_000)}`))
    t.equal(long?.headers?.[3]?.length, 18_000, 'past what callers are promised, for the gateway to refuse')
    t.equal(longer?.refused, 431)
  })

  test('a caller that is still sending what is refused reads the refusal', {
    only: 'node',
    why: 'uws closes at once',
  }, async (t) => {
    await using site = await rig((caller) => caller.respond(OK, ''))
    const caller = new RawCaller(site.port)
    let error: Error | undefined
    caller.socket.on('error', (cause) => {
      error = cause
    })
    caller.send(fields(`x: ${'a'.repeat(16 * 1024 * 1024)}`))
    t.match(await caller.all(), /^HTTP\/1\.1 431 /)
    t.equal(error, undefined)
  })

  test('any token is a method', {
    only: 'uws',
    why: 'the parser of Node knows its methods by name',
  }, async (t) => {
    const [head] = await asked('PrOp_1 / HTTP/1.1\r\nhost: a\r\n\r\n')
    t.equal(head?.method, 'PrOp_1')
  })

  test('raw bytes of UTF-8 in a target arrive', {
    only: 'uws',
    why: 'the parser of Node takes ASCII only',
  }, async (t) => {
    const [head] = await asked(target('/\xc3\xa9?\xc3\xa8'))
    t.equal(head?.target, '/\xc3\xa9?\xc3\xa8')
  })

  test('raw bytes of a target that are not UTF-8 are refused', async (t) => {
    t.strictSame(await asked(target('/\xe9'), target('/?\xe9')), [{ refused: 400 }, { refused: 400 }])
  })

  test('several fields of a name keep their bytes, or the request is refused', async (t) => {
    const [head] = await asked(fields('x: 1\r\nx: a\xe9b'))
    // uWebSockets.js gives the bytes of the first one only.
    if (engine === 'uws') t.equal(head?.refused, 400)
    else t.strictSame(head?.headers?.slice(2), ['x', '1', 'x', 'a\xe9b'])
  })

  test('more fields than anybody sends are counted by the gateway, not dropped', async (t) => {
    const [head] = await asked(fields(`${'a:\r\n'.repeat(2500)}content-length: 0`))
    if (engine === 'uws') t.equal(head?.refused, 431)
    else t.strictSame(head?.headers?.slice(-2), ['content-length', '0'])
  })

  test('an absolute target is told in origin form, with its authority as the host', {
    only: 'node',
    why: 'uWebSockets.js answers 505',
  }, async (t) => {
    const heads = await asked(target('http://b:1/c?d'), target('HTTP://b?d'), target('http://u@b/'))
    t.strictSame(
      heads.map((head) => [head.target, head.headers]),
      [
        ['/c?d', ['host', 'b:1']],
        ['/?d', ['host', 'b']],
        ['http://u@b/', ['host', 'a']],
      ],
    )
  })

  test('request bodies', async (t) => {
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

  test('a paused upload delivers nothing, loses nothing, and pause and resume are idempotent', async (t) => {
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

  test('what follows a chunked request on its connection is never served', {
    only: 'uws',
    why: 'the parser of Node is strict about where such a request ends',
  }, async (t) => {
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

  test('an answer before the body is read reaches a caller that still sends', async (t) => {
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

  test('a short body that comes with its head costs no connection', async (t) => {
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
})
