import t from 'tap'
import type { LinkEnd } from '../../agent/link-end.js'
import { Reconnect } from '../../agent/reconnect.js'
import { parseRetryAfter } from '../../agent/refusal.js'

const refused = (status: number, retryAfter?: number): LinkEnd => ({
  kind: 'refused',
  status,
  code: undefined,
  detail: 'because',
  retryAfter,
})
const closed = (code: number): LinkEnd => ({ kind: 'closed', code, reason: '' })
const unreachable: LinkEnd = { kind: 'unreachable', error: new Error('ECONNREFUSED') }

/** Jitter at its upper end, so that a delay shows its ceiling. */
const highest = (): number => 1

const ENDS: [name: string, end: LinkEnd, step: 'dial' | 'stop'][] = [
  ['400', refused(400), 'stop'],
  ['401', refused(401), 'stop'],
  ['403', refused(403), 'stop'],
  ['426', refused(426), 'stop'],
  ['409', refused(409), 'dial'],
  ['429', refused(429), 'dial'],
  ['503', refused(503), 'dial'],
  ['404', refused(404), 'dial'],
  ['500', refused(500), 'dial'],
  ['407 of a proxy', refused(407), 'dial'],
  ['a redirect', refused(302), 'dial'],
  ['unreachable', unreachable, 'dial'],
  ['silent', { kind: 'silent', milliseconds: 25_000 }, 'dial'],
  ['protocol error seen here', { kind: 'broken', rule: 'message is empty' }, 'stop'],
  ['protocol error seen there', closed(4400), 'stop'],
  ['credential ended', closed(4401), 'stop'],
  ['going away', closed(1001), 'dial'],
  ['broken connection', closed(1006), 'dial'],
  ['replaced', closed(4409), 'dial'],
  ['hello timeout', closed(4408), 'dial'],
]

t.test('which ends are final', async (t) => {
  for (const [name, end, step] of ENDS) {
    t.equal(new Reconnect(highest).ended(end, 0).kind, step, name)
  }
})

t.test('a final end stays final, and says why', async (t) => {
  const reconnect = new Reconnect(highest)
  const step = reconnect.ended(refused(401), 0)
  t.match(step, { kind: 'stop', reason: /401.*because/ })
  t.same(reconnect.ended(unreachable, 1), step)
  t.same(reconnect.goingAway(5, 2), step)
})

t.test('ceilings double from 250 ms to 15 s', async (t) => {
  const reconnect = new Reconnect(highest)
  const delays = Array.from({ length: 9 }, () => delayOf(reconnect.ended(unreachable, 0)))
  t.same(delays, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
})

t.test('jitter is over the whole range', async (t) => {
  t.equal(delayOf(new Reconnect(() => 0).ended(unreachable, 0)), 0)
  t.equal(delayOf(new Reconnect(() => 0.5).ended(unreachable, 0)), 125)
})

t.test('advice replaces the ceiling and keeps a jitter', async (t) => {
  t.equal(delayOf(new Reconnect(() => 0).ended(refused(503, 4000), 0)), 2000)
  t.equal(delayOf(new Reconnect(highest).ended(refused(503, 4000), 0)), 6000)
  t.equal(delayOf(new Reconnect(() => 0.5).goingAway(3000, 0)), 3000)
  t.equal(delayOf(new Reconnect(highest).goingAway(0, 0)), 250, 'none is none')
  t.equal(delayOf(new Reconnect(() => 0.5).ended(refused(503, 86_400_000), 0)), 300_000, 'bounded')
})

t.test('a link that stood starts over, one that did not goes on', async (t) => {
  const reconnect = new Reconnect(highest)
  reconnect.ended(unreachable, 0)
  reconnect.ended(unreachable, 0)
  reconnect.ready(1000)
  t.equal(delayOf(reconnect.ended(closed(1006), 2000)), 1000, 'after a second')
  reconnect.ready(3000)
  t.equal(delayOf(reconnect.ended(closed(1006), 13_000)), 250, 'after ten')
})

t.test('Retry-After is seconds or a date', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(parseRetryAfter('7', now), 7000)
  t.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now), 5000)
  t.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:05 GMT', now), 0)
  t.equal(parseRetryAfter('soon', now), undefined)
  t.equal(parseRetryAfter(undefined, now), undefined)
})

function delayOf(step: ReturnType<Reconnect['ended']>): number {
  return step.kind === 'dial' ? step.delay : Number.NaN
}
