/** One exchange with a clock that stands still: its deadlines, its credit, and that it ends exactly once. */
import t from 'tap'
import { Kind, ResetCode } from '../../shared/frames.js'
import { type Asked, asked, counted, data, END, HEAD, play, turn } from '../helpers/exchange-rig.js'

t.test('a body that comes too slowly is refused, waiting or sent', async (t) => {
  for (const stage of ['waiting', 'sent'] as const) {
    const { caller, exchange, pass, dispatch, summaries, link, jobs } = play(t, {
      length: 5000,
      headers: ['gw-response-timeout', '0'],
    })
    await turn()
    if (stage === 'sent') await dispatch()
    exchange.data(Buffer.alloc(999))
    pass(9_999)
    t.equal(caller.answered, undefined)
    pass(1)
    t.match(caller, { answered: { status: 408, close: true }, ended: true }, stage)
    t.match(summaries, [{ code: 'request_timeout', status: 408, bytesIn: 999 }])
    t.same([counted(link), jobs.length], [[0, 0], 0])
  }
})

t.test('waiting counts for no timeout', async (t) => {
  const { caller, exchange, pass, dispatch } = play(t)
  exchange.end()
  pass(100_000)
  t.equal(caller.answered, undefined)
  await dispatch()
  pass(999)
  t.equal(caller.answered, undefined, 'counted from the dispatch')
  pass(1)
  t.match(caller.answered, { status: 504 })
})

t.test('the response timeout is counted from the last byte of the upload that moved', async (t) => {
  const { caller, exchange, pass, dispatch, hear, sent, summaries } = play(t, { length: 600_000 })
  exchange.data(Buffer.alloc(100_000))
  await dispatch()
  pass(900)
  exchange.data(Buffer.alloc(400_000))
  await sent()
  pass(999)
  t.equal(caller.answered, undefined, 'from the caller')
  hear({ kind: Kind.credit, id: 1, bytes: 100_000 })
  await sent()
  for (let i = 0; i < 10; i++) pass(99)
  t.equal(caller.answered, undefined, 'on to the agent')
  pass(200)
  t.match(caller.answered, { status: 504, close: true })
  t.match((await sent()).at(-1), { kind: Kind.reset, code: ResetCode.timeout })
  t.match(summaries, [{ code: 'response_timeout' }])
})

t.test('the idle timeout is counted from the last byte either way', async (t) => {
  const { caller, exchange, pass, hear, summaries, sent, dispatch } = play(t, { length: 1000 })
  await dispatch()
  hear(HEAD)
  pass(1900)
  hear(data('down'))
  pass(1900)
  exchange.caller.events.data(Buffer.from('up'))
  pass(1900)
  t.notOk(caller.isCut)
  pass(100)
  t.same([caller.isCut, caller.body], [true, 'down'])
  t.match(summaries, [{ code: 'idle_timeout', status: 200, bytesIn: 2, bytesOut: 4 }])
  t.match((await sent()).at(-1), { kind: Kind.reset, code: ResetCode.timeout })
})

t.test('credit is given as the caller takes bytes', async (t) => {
  const { caller, hear, sent } = await asked(t)
  caller.reading = false
  const chunk = data('x'.repeat(60_000))
  hear(HEAD, chunk)
  hear(chunk)
  t.notOk((await sent()).some(({ kind }) => kind === Kind.credit))
  caller.reading = true
  caller.events.writable()
  t.match((await sent()).at(-1), { kind: Kind.credit, id: 1, bytes: 120_000 })
})

t.test('an answer that the caller has not taken holds no place, and is not over', async (t) => {
  const { caller, hear, pass, summaries, link } = await asked(t)
  caller.reading = false
  hear(HEAD, data('all of it'), END)
  t.same([counted(link), caller.ended, summaries.length], [[0, 0], false, 0])
  pass(1999)
  caller.events.writable()
  t.same([caller.ended, caller.body], [true, 'all of it'])
  t.match(summaries, [{ code: undefined, status: 200, bytesOut: 9 }])

  for (const [code, leave] of [
    ['idle_timeout', (rig: Asked) => rig.pass(2000)],
    ['aborted', (rig: Asked) => rig.caller.events.aborted()],
  ] as const) {
    const rig = await asked(t)
    rig.caller.reading = false
    rig.hear(HEAD, data('all of it'), END)
    leave(rig)
    rig.caller.events.writable()
    t.match(rig.summaries, [{ code, status: 200 }], code)
    t.same([rig.summaries.length, rig.caller.ended], [1, false])
  }
})

t.test('an exchange ends exactly once, whatever else comes', async (t) => {
  const ends: [title: string, end: (rig: Asked) => void, code: string | undefined, status: number][] = [
    ['whole', (rig) => rig.hear({ ...HEAD, body: Buffer.from('x'), end: true }), undefined, 200],
    ['streamed', (rig) => rig.hear(HEAD, data('x'), END), undefined, 200],
    ['the caller left', (rig) => rig.caller.events.aborted(), 'aborted', 0],
    [
      'the caller left its answer',
      (rig) => {
        rig.hear(HEAD)
        rig.caller.events.aborted()
      },
      'aborted',
      200,
    ],
    [
      'reset',
      (rig) => rig.hear({ kind: Kind.reset, id: 1, code: ResetCode.failed, message: '' }),
      'agent_error',
      502,
    ],
    [
      'reset after the head',
      (rig) => rig.hear(HEAD, { kind: Kind.reset, id: 1, code: ResetCode.failed, message: '' }),
      'agent_error',
      200,
    ],
    ['the link went', (rig) => rig.link.wire.close(1006, ''), 'agent_disconnected', 502],
    ['the gateway ends', (rig) => rig.exchange.destroy(), 'draining', 503],
    [
      'the gateway ends an answer',
      (rig) => {
        rig.hear(HEAD)
        rig.exchange.destroy()
      },
      'draining',
      200,
    ],
    [
      'too short',
      (rig) => rig.hear({ ...HEAD, headers: ['content-length', '9'] }, data('x'), END),
      'agent_error',
      200,
    ],
    [
      'too long',
      (rig) => rig.hear({ ...HEAD, headers: ['content-length', '1'] }, data('xy')),
      'agent_error',
      200,
    ],
  ]
  for (const [title, end, code, status] of ends) {
    const rig = await asked(t)
    end(rig)
    t.match(rig.summaries, [{ code, status }], title)
    rig.caller.events.aborted()
    rig.caller.events.writable()
    rig.caller.events.data(Buffer.from('late'))
    rig.caller.events.end()
    rig.exchange.destroy()
    rig.pass(100_000)
    rig.hear(HEAD, data('late'), END)
    rig.link.wire.close(1006, '')
    t.same(
      [rig.summaries.length, rig.link.instance!.inflight, rig.link.streams, rig.jobs.length],
      [1, 0, 0, 0],
      title,
    )
    t.equal(rig.caller.isCut, status === 200 && code !== undefined && code !== 'aborted', title)
  }
})
