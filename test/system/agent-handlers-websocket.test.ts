/** What a function that takes WebSockets may do, and what becomes of it. */
import t from 'tap'
import { Deferred } from '../../agent/deferred.js'
import type { AgentOptions, CallerSocket, Outcome } from '../../agent/index.js'
import { ResetCode } from '../../shared/frames.js'
import { rig } from '../helpers/agent-rig.js'
import { FakeSocket } from '../helpers/fake-socket.js'

type Handle = (request: Request, socket: CallerSocket) => unknown

const OFFER = ['host', 'h.test', 'sec-websocket-protocol', 'a, b']

const boom = (): never => {
  throw new Error('boom')
}

interface Case {
  readonly name: string
  readonly handle: Handle
  /** An answer, or how the socket that was accepted ends. */
  readonly want: object
  readonly outcome?: object
}

const CASES: Case[] = [
  {
    name: 'refuses with a Response',
    handle: () => new Response('not you', { status: 403, headers: { 'x-why': 'so' } }),
    want: {
      status: 403,
      text: 'not you',
      headers: ['content-type', 'text/plain;charset=UTF-8', 'x-why', 'so'],
    },
  },
  {
    name: 'refuses with a stream',
    handle: () => new Response(new Blob(['x'.repeat(300_000)]).stream(), { status: 503 }),
    want: { status: 503, text: 'x'.repeat(300_000) },
  },
  {
    name: 'throws',
    handle: boom,
    want: { ending: { code: ResetCode.failed, message: 'handler threw: boom' } },
  },
  {
    name: 'rejects',
    handle: () => Promise.reject(new Error('later')),
    want: { ending: { message: 'handler threw: later' } },
  },
  { name: 'returns nothing', handle: () => {}, want: { ending: { message: /undefined, not a Response/ } } },
  {
    name: 'accepts what was not offered',
    handle: (_, socket) => socket.accept('c'),
    want: { ending: { message: /offers no subprotocol "c"/ } },
  },
  {
    name: 'sends before it accepts',
    handle: (_, socket) => socket.send('early'),
    want: { ending: { message: /not accepted yet/ } },
  },
  {
    name: 'closes before it accepts',
    handle: (_, socket) => socket.close(),
    want: { ending: { message: /not accepted yet/ } },
  },
  {
    name: 'returns after it accepted',
    handle: (_, socket) => socket.accept(),
    want: { status: 101, headers: [], ending: { code: 1000, reason: '' } },
    outcome: { kind: 'answered' },
  },
  {
    name: 'throws after it accepted',
    handle: (_, socket) => {
      socket.accept()
      boom()
    },
    want: { status: 101, ending: { code: 1011, reason: 'the handler failed' } },
    outcome: { kind: 'failed', message: 'handler threw: boom' },
  },
  {
    name: 'closes, then throws',
    handle: (_, socket) => {
      socket.accept()
      socket.close(4000, 'mine')
      boom()
    },
    want: { ending: { code: 4000, reason: 'mine' } },
    outcome: { kind: 'answered' },
  },
  {
    name: 'closes twice',
    handle: (_, socket) => {
      socket.accept()
      socket.close()
      socket.close(4000)
    },
    want: { ending: { code: 1000 } },
  },
  {
    name: 'a reason that is too long',
    handle: (_, socket) => {
      socket.accept()
      socket.close(1001, 'é'.repeat(100))
    },
    want: { ending: { code: 1001, reason: 'é'.repeat(61) } },
  },
  ...[999, 1005, 1006, 1015, 2999, 5000, 1000.5].map((code) => ({
    name: `the code ${code}`,
    handle: (_: Request, socket: CallerSocket) => {
      socket.accept()
      socket.close(code)
    },
    want: { ending: { code: 1011 } },
    outcome: { message: /no code that a close frame carries/ },
  })),
  {
    name: 'accepts twice',
    handle: (_, socket) => {
      socket.accept()
      socket.accept()
    },
    want: { ending: { code: 1011 } },
    outcome: { message: /accepted already/ },
  },
  {
    name: 'sends what is no message',
    handle: (_, socket) => {
      socket.accept()
      return socket.send(5 as unknown as string)
    },
    want: { ending: { code: 1011 } },
    outcome: { message: /string or bytes, not number/ },
  },
]

t.test('what a function may do', async (t) => {
  for (const { name, handle, want, outcome } of CASES) {
    const over = new Deferred<Outcome>()
    const observer = {
      began() {},
      ended: (exchange: { outcome: Outcome }) => over.resolve(exchange.outcome),
      connected() {},
      disconnected() {},
    }
    const { link } = await rig(t, { websocket: handle as AgentOptions['websocket'], observer })
    const socket = await new FakeSocket(link, { headers: OFFER }).completed()
    t.match(socket, want, name)
    if (outcome !== undefined) t.match(await over.promise, outcome, name)
    t.equal(link.closed, undefined, `${name}: the link lives`)
  }
})
