/** How answers of upstreams end, while their reader keeps up, waits, or leaves. */
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Upstream, UpstreamCall, type UpstreamFailure } from '../../agent/upstream.js'
import { connector } from '../../agent/upstream-socket.js'
import { listen } from '../helpers/agent-rig.js'

type Outcome = { readonly kind: 'complete' } | UpstreamFailure

/** Takes a chunk, then waits until `go` says so. */
class Reader extends UpstreamCall {
  readonly #hash = createHash('sha1')
  readonly #go: (reader: Reader) => void
  readonly outcome: Promise<Outcome>
  #settle!: (outcome: Outcome) => void
  bytes = 0
  told = 0

  constructor(go: (reader: Reader) => void) {
    super()
    this.#go = go
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get hash(): string {
    return this.#hash.copy().digest('hex')
  }

  protected override interim(): void {}

  protected override head(): void {}

  protected override chunk(chunk: Buffer): boolean {
    this.bytes += chunk.length
    this.#hash.update(chunk)
    this.#go(this)
    return false
  }

  protected override complete(): void {
    this.told++
    this.#settle({ kind: 'complete' })
  }

  protected override failure(failure: UpstreamFailure): void {
    this.told++
    this.#settle(failure)
  }
}

/** Enough turns of the loop for what is on its way to have arrived. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

const resumeLater = (reader: Reader): void => void turns().then(() => reader.resume())

const GET = { method: 'GET', target: '/', headers: ['host', 'x'], body: null }

/** An upstream that answers each request by `answer`. */
async function upstreamOf(t: Test, answer: (socket: Socket, count: number) => void): Promise<Upstream> {
  let count = 0
  const server = createServer((socket) => socket.on('data', () => answer(socket, count++)))
  const port = await listen(t, server)
  const upstream = new Upstream(
    connector({ kind: 'tcp', protocol: 'http:', host: '127.0.0.1', port, authority: '' }),
  )
  t.teardown(() => upstream.destroy())
  return upstream
}

function ask(upstream: Upstream, go: (reader: Reader) => void = resumeLater, fresh = false): Reader {
  const reader = new Reader(go)
  upstream.start(reader, GET, fresh)
  return reader
}

const bodyOf = (size: number): Buffer => Buffer.alloc(size, 'the quick brown fox jumps over a lazy dog\n')
const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

interface Framing {
  readonly name: string
  render(body: Buffer): [head: string, body: Buffer]
}

const chunked = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])

const FRAMINGS: Framing[] = [
  { name: 'until close', render: (body) => ['HTTP/1.1 200 OK\r\n\r\n', body] },
  { name: 'HTTP/1.0, until close', render: (body) => ['HTTP/1.0 200 OK\r\n\r\n', body] },
  {
    name: 'HTTP/1.0, a length',
    render: (body) => [`HTTP/1.0 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`, body],
  },
  { name: 'a length', render: (body) => [`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`, body] },
  {
    name: 'a length and close',
    render: (body) => [
      `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
      body,
    ],
  },
  {
    name: 'chunked',
    render: (body) => ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunked(body)],
  },
  {
    name: 'chunked and close',
    render: (body) => [
      'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n',
      chunked(body),
    ],
  },
]
const SIZES = [1, 65_536, 1_048_576]

t.test('an answer whose connection ends while its reader waits is whole', { jobs: 4 }, async (t) => {
  for (const { name, render } of FRAMINGS)
    for (const size of SIZES)
      t.test(`${name}, ${size} bytes`, async (t) => {
        const body = bodyOf(size)
        const [head, framed] = render(body)
        const upstream = await upstreamOf(t, (socket, count) => {
          // Once with its head, once by itself.
          if (count % 2 === 0) socket.end(Buffer.concat([Buffer.from(head), framed]))
          else {
            socket.write(head)
            void turns().then(() => socket.end(framed))
          }
        })
        for (let i = 0; i < 4; i++) {
          const reader = ask(upstream)
          t.same(await reader.outcome, { kind: 'complete' })
          t.equal(reader.hash, sha1(body), `${reader.bytes} bytes`)
          t.equal(reader.told, 1)
        }
      })
})

t.test('an answer whose connection is reset while its reader waits is a failure', async (t) => {
  for (const [name, head] of [
    ['until close', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['a length', 'HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n'],
    ['a length and close', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4194304\r\n\r\n'],
    ['chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400000\r\n'],
  ] as const)
    for (const size of SIZES) {
      let reset: () => void = () => {}
      const upstream = await upstreamOf(t, (socket) => {
        socket.write(head)
        socket.write(bodyOf(size))
        reset = () => socket.resetAndDestroy()
      })
      const reader = ask(upstream, (reader) => {
        void turns().then(async () => {
          reset()
          await turns()
          reader.resume()
        })
      })
      t.match(await reader.outcome, { kind: 'failed' }, `${name}, ${size} bytes`)
      t.equal(reader.told, 1)
    }
})

t.test('a reader who leaves while it waits hears nothing more', async (t) => {
  for (const { name, render } of FRAMINGS)
    for (const leave of ['one', 'all'] as const) {
      const [head, framed] = render(bodyOf(1_048_576))
      const gone: Promise<unknown>[] = []
      const upstream = await upstreamOf(t, (socket) => {
        gone.push(new Promise((resolve) => socket.once('close', resolve)))
        socket.write(head)
        socket.end(framed)
      })
      let left = (): void => {}
      const leaving = new Promise<void>((resolve) => {
        left = resolve
      })
      const reader = ask(upstream, (reader) => {
        if (leave === 'one') reader.cancel()
        else upstream.destroy()
        reader.resume()
        left()
      })
      await leaving
      await Promise.all(gone)
      await turns()
      if (leave === 'one') t.equal(reader.told, 0, `${name}: cancelled`)
      else t.match(await reader.outcome, { kind: 'failed' }, `${name}: destroyed`)
    }
})

/** Numbers in 0 to 1 that a seed fixes. */
function numbers(seed: number): () => number {
  let x = seed
  return () => {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
    return x / 2 ** 32
  }
}

t.test(
  'whatever an upstream and its reader do: one outcome, and never less than the whole as complete',
  async (t) => {
    const seed = Number(process.env.GW_TEST_SEED ?? Date.now() % 1_000_000)
    const rounds = Number(process.env.GW_TEST_ROUNDS ?? 300)
    t.comment(`seed ${seed}`)
    const next = numbers(seed)
    const below = (limit: number): number => Math.floor(next() * limit)
    let play: (socket: Socket) => void = () => {}
    const upstream = await upstreamOf(t, (socket) => play(socket))
    for (let i = 0; i < rounds; i++) {
      const body = bodyOf(1 + below(2 ** (4 + below(16))))
      const { name, render } = FRAMINGS[below(FRAMINGS.length)]!
      const [head, framed] = render(body)
      const bytes = Buffer.concat([Buffer.from(head), framed])
      // Cut at up to four places, sometimes for good, sometimes with something behind.
      const places = Array.from({ length: below(5) }, () => below(bytes.length)).sort((a, b) => a - b)
      const cut = below(4) === 0
      const last = below(4)
      play = (socket) => {
        void (async () => {
          let at = 0
          for (const place of places) {
            socket.write(bytes.subarray(at, place))
            at = place
            for (let wait = below(4); wait > 0; wait--) await turn()
          }
          if (!cut) socket.write(bytes.subarray(at))
          for (let wait = below(8); wait > 0; wait--) await turn()
          if (last === 0) socket.resetAndDestroy()
          else if (last === 1) socket.end('HTTP/1.1 200 OK\r\n\r\nmore')
          else socket.end()
        })()
      }
      const leaves = below(10) === 0
      const reader = ask(
        upstream,
        (reader) => {
          const rest = 1 + below(30)
          void (async () => {
            for (let wait = rest; wait > 0; wait--) await turn()
            if (leaves) reader.cancel()
            else reader.resume()
          })()
        },
        true,
      )
      const what = `round ${i}: ${name}, ${body.length} bytes, cut ${cut}, last ${last}`
      if (leaves) {
        await Promise.race([reader.outcome, turns()])
        reader.cancel()
        continue
      }
      const { kind } = await reader.outcome
      // Without a length a body is whole wherever it ends in order; bytes behind one are part of it.
      const isOpen = name.includes('until close')
      if (kind === 'complete' && !isOpen && !(cut && last === 1)) t.equal(reader.hash, sha1(body), what)
      if (isOpen && !cut && last > 1) t.equal(reader.hash, sha1(body), what)
      if (!isOpen && !cut && last > 1) t.equal(kind, 'complete', what)
      t.equal(reader.told, 1, what)
    }
  },
)
