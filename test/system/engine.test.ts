import type { Caller, ResponseHead } from '../../gateway/edge/engine.js'
import { factoryOf, NO_EVENTS, parseResponse, RawCaller, Signal } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'

const OK: ResponseHead = { status: 200, headers: [] }
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

suites(({ engine, rig, test }) => {
  test('a handler that throws costs its own exchange and nothing else', async (t) => {
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

  test('a caller that leaves is told of once, and what is said to it afterwards does nothing', async (t) => {
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

  test('the address of a caller', async (t) => {
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

  test('and so with any answer that closes', async (t) => {
    const targets: string[] = []
    await using site = await rig((caller) => {
      targets.push(caller.head.target)
      caller.respond({ status: 400, headers: [], close: true }, 'no')
    })
    const caller = new RawCaller(site.port).send(GET + GET.replace('/', '/second'))
    await caller.closed
    t.strictSame(targets, ['/'])
  })

  test('a caller that asks for it is disconnected after the answer, and told so once', async (t) => {
    await using site = await rig((caller) => {
      if (caller.head.target === '/') return caller.respond(OK, 'bye')
      caller.start(OK)
      caller.write(Buffer.from('bye'))
      setImmediate(() => caller.end())
    })
    for (const target of ['/', '/stream']) {
      for (const option of ['close', 'CLOSE', 'close, te', 'te, close']) {
        const caller = new RawCaller(site.port).send(
          `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: ${option}\r\n\r\n`,
        )
        await caller.closed
        t.equal(String(parseResponse(caller.bytes)?.body), 'bye')
        t.equal(String(caller.bytes).match(/^connection: close\r$/gim)?.length, 1, `${target} ${option}`)
      }
    }
  })

  test('listening', async (t) => {
    // A fixed port, as one that was picked for port 0 stays taken while its connections are in TIME_WAIT.
    const probe = await rig(() => {})
    t.ok(probe.port > 0)
    await probe.engine.close()
    const first = await rig((caller) => caller.respond(OK, 'hi'), undefined, { port: probe.port })
    t.equal(first.port, probe.port)
    const create = await factoryOf(engine)
    const options = {
      host: '127.0.0.1',
      port: first.port,
      maxMessage: 1024,
      maxBackpressure: 1024,
      onError() {},
    }
    const handlers = { request() {}, upgrade() {} }
    const taken = create(options, handlers)
    await t.rejects(taken.listen(), new Error(`127.0.0.1:${first.port} is in use`))
    await taken.close()
    const foreign = create({ ...options, host: '192.0.2.1', port: 0 }, handlers)
    await t.rejects(foreign.listen(), /^192\.0\.2\.1:0 is not an address of this machine$/)
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

  test('close cuts what is open, and tells its exchange outside the call', async (t) => {
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

  test('build facts', async (t) => {
    await using site = await rig(() => {})
    t.equal(site.engine.name, engine)
    const facts =
      engine === 'uws'
        ? { abi: process.versions.modules, binary: /\.node$/, sha256: /^[0-9a-f]{64}$/ }
        : { node: process.versions.node, llhttp: /^\d/, ws: /^8\./ }
    t.match(site.engine.build, facts)
  })
})
