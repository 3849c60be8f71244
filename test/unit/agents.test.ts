/** Who is connected, and for how long. */
import t from 'tap'
import { CloseCode } from '../../shared/close-codes.js'
import { GoAwayReason } from '../../shared/frames.js'
import { ASKED, Fleet, HELLO_AGAIN, id, Kind, numbers, UNHEARD } from '../helpers/fleet.js'
import { outcome } from '../helpers/heads.js'

t.test('the registry finds instances by all that they are, and forgets them', async (t) => {
  const fleet = new Fleet(t)
  const first = fleet.join({ tunnelId: id(1), name: 'shop', labels: ['region', 'eu'] })
  fleet.join({ tunnelId: id(1), labels: ['region', 'us'] })
  const third = fleet.join({ tunnelId: id(2, 'test'), labels: ['region', 'eu'] })
  const seen = () => ({
    all: numbers(fleet.registry.all),
    tunnel: numbers(fleet.registry.tunnel(id(1)) ?? []),
    purpose: numbers(fleet.registry.purpose('prod') ?? []),
    name: numbers(fleet.registry.name('shop') ?? []),
    label: numbers(fleet.registry.label('region=eu') ?? []),
    links: [...fleet.registry.links].length,
  })
  t.same(seen(), { all: [1, 2, 3], tunnel: [1, 2], purpose: [1, 2], name: [1], label: [1, 3], links: 3 })
  t.equal(fleet.registry.link(first.id), first)
  first.wire.close(1006, '')
  third.wire.close(1006, '')
  t.same(seen(), { all: [2], tunnel: [2], purpose: [2], name: [], label: [], links: 1 })
  t.same([fleet.registry.name('shop'), fleet.registry.label('region=eu')], [undefined, undefined])
  t.same(fleet.told, ['connected 1', 'connected 2', 'connected 3', 'disconnected 1', 'disconnected 3'])
})

t.test(
  'the same tunnel id, instance and number replaces at once, and a late close removes nobody',
  async (t) => {
    const fleet = new Fleet(t)
    const causes: string[] = []
    fleet.registry.listen((change) => {
      if (change.kind === 'disconnected') causes.push(change.cause)
    })
    const old = fleet.join({ instance: 1 })
    const other = fleet.join({ instance: 1, link: 1 })
    t.equal(old.instance, other.instance, 'links of one instance')
    const successor = fleet.join({ instance: 1 })
    t.same([old.state, fleet.socket(old).closed?.code], ['closed', CloseCode.replaced])
    t.equal(successor.instance, other.instance)
    old.wire.close(1006, '')
    t.same([...fleet.registry.links], [other, successor])
    other.wire.close(1006, '')
    const last = fleet.join({ instance: 1, labels: ['a', '1'] })
    successor.wire.close(1006, '')
    t.same([[...fleet.registry.links], numbers(fleet.registry.all)], [[last], [1]])
    t.same(last.instance?.labels, { a: '1' }, 'the new hello counts')
    t.same(numbers(fleet.registry.label('a=1') ?? []), [1])
    t.equal(fleet.join({ instance: 1, link: 1 }).instance, last.instance, 'and its other links find it')
    fleet.join({ instance: 2 })
    t.equal(fleet.registry.all.size, 2, 'another instance is a replica')
    last.end(CloseCode.goingAway, 'replaced by a new link')
    t.same(causes, ['replaced', 'ended', 'replaced', 'ended'], 'whatever the reason says')
  },
)

t.test('what a replaced link had in flight finds its successor in place', async (t) => {
  const fleet = new Fleet(t)
  const old = fleet.join({ instance: 1 })
  let found: unknown
  old.instance!.open(ASKED, { ...UNHEARD, reset: () => (found = [...fleet.registry.all][0]?.free) })
  fleet.join({ instance: 1 })
  t.equal(found, true)
})

t.test('a name belongs to its tunnel id while an instance lives and 60 s longer', async (t) => {
  const fleet = new Fleet(t)
  const claimed = (tunnelId: string) =>
    outcome(() => fleet.registry.claimName(fleet.dial({ tunnelId, name: 'shop' }).claim))
  const FREE = undefined
  const link = fleet.join({ tunnelId: id(1), name: 'shop' })
  const replica = fleet.join({ tunnelId: id(1), name: 'shop' })
  const steps: [string, () => unknown, own: unknown, other: unknown][] = [
    ['held', () => {}, FREE, 'conflict'],
    ['one instance left', () => link.wire.close(1006, ''), FREE, 'conflict'],
    ['all left', () => replica.wire.close(1006, ''), FREE, 'conflict'],
    ['just before', () => (fleet.now += 59_999), FREE, 'conflict'],
    ['after', () => (fleet.now += 1), FREE, FREE],
    ['taken', () => fleet.join({ tunnelId: id(2), name: 'shop' }), 'conflict', FREE],
  ]
  for (const [title, step, own, other] of steps) {
    step()
    t.same([claimed(id(1)), claimed(id(2))], [own, other], title)
  }
})

t.test('of two that claim a name at once the one that is ready first has it', async (t) => {
  const fleet = new Fleet(t)
  const slow = fleet.dial({ tunnelId: id(1), name: 'shop' })
  fleet.join({ tunnelId: id(2), name: 'shop' })
  fleet.hear(slow, HELLO_AGAIN)
  t.same([slow.state, fleet.socket(slow).closed?.code], ['closed', CloseCode.policy])
  t.same(fleet.told, ['connected 2'])
})

t.test('a link that drains keeps what is in flight, then ends', async (t) => {
  const fleet = new Fleet(t)
  const link = fleet.join()
  const { stream } = link.instance!.open(ASKED, UNHEARD)
  link.goAway(GoAwayReason.draining, 10, 'restart')
  const ended = fleet.change('disconnected 1')
  t.same([link.state, link.instance!.state, link.instance!.free], ['draining', 'draining', false])
  fleet.hear(link, {
    kind: Kind.head,
    id: stream.id,
    status: 200,
    reason: null,
    headers: [],
    body: null,
    end: true,
  })
  await ended
  t.same([link.state, fleet.socket(link).closed?.code], ['closed', CloseCode.goingAway])
  t.same(fleet.told, ['connected 1', 'changed 1 draining', 'disconnected 1'])
  t.match(fleet.socket(link).sent.at(-1), { kind: Kind.goAway, reason: GoAwayReason.draining, delay: 10 })
})

t.test('a link is unresponsive at the first ping missed, ready when heard, dead in the end', async (t) => {
  const fleet = new Fleet(t, { pingInterval: 100, pingTimeout: 100 })
  const link = fleet.join()
  let next = fleet.change('changed 1 unresponsive')
  fleet.now += 30
  await next
  t.same([link.state, link.instance!.free], ['unresponsive', false])
  fleet.hear(link, { kind: Kind.ping, nonce: 1 })
  t.equal(link.state, 'ready')
  next = fleet.change('disconnected 1')
  fleet.now += 200
  await next
  t.ok(fleet.socket(link).destroyed)
})

t.test('a stream goes to the link with the fewest, and none to a full one', async (t) => {
  const fleet = new Fleet(t, { maxStreams: 2 })
  const [a, b] = [fleet.join({ instance: 1 }), fleet.join({ instance: 1, link: 1 })]
  const { instance } = a
  const opened = Array.from({ length: 4 }, () => instance!.open(ASKED, UNHEARD).link)
  t.same([opened.filter((link) => link === a).length, opened.filter((link) => link === b).length], [2, 2])
  t.same([instance!.free, instance!.inflight, instance!.maxConcurrent], [false, 4, 256])
})
