/** Which instance serves a request. */
import t, { type Test } from 'tap'
import type { Instance } from '../../gateway/agents/instance.js'
import { Picker, type Wanted } from '../../gateway/agents/pick.js'
import { GoAwayReason } from '../../shared/frames.js'
import type { PolicyName } from '../../shared/policies.js'
import { Chance } from '../helpers/chaos-chance.js'
import { ASKED, Fleet, id, UNHEARD, wanted } from '../helpers/fleet.js'

/** A fleet of `count` and a picker over it. */
function crowd(t: Test, count: number, weight = (_: number) => 1) {
  const fleet = new Fleet(t)
  const instances = Array.from({ length: count }, (_, i) =>
    fleet.instance({ tunnelId: id(i + 1), weight: weight(i) }),
  )
  const chance = new Chance(count)
  const picker = new Picker(
    fleet.registry,
    () => fleet.now,
    () => chance.next(),
  )
  const pick = (policy: PolicyName, more: Partial<Wanted> = {}): Instance => {
    const picked = picker.pick(wanted(policy, more))
    if (picked.kind !== 'instance') throw new Error(picked.kind)
    return picked.instance
  }
  /** How often each was picked. */
  const tally = (times: number, policy: PolicyName, more?: (i: number) => Partial<Wanted>): number[] => {
    const counts = new Map(instances.map((instance) => [instance, 0]))
    for (let i = 0; i < times; i++) {
      const instance = pick(policy, more?.(i))
      counts.set(instance, counts.get(instance)! + 1)
    }
    return [...counts.values()]
  }
  return { fleet, instances, picker, pick, tally }
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)
/** Largest distance from what each should have, as a share of it. */
const spread = (counts: readonly number[]): number => {
  const mean = sum(counts) / counts.length
  return Math.max(...counts.map((count) => Math.abs(count - mean) / mean))
}

// The second is more than a policy looks at one by one.
for (const count of [3, 200]) {
  t.test(`among ${count} instances`, async (t) => {
    await t.test('first is the longest connected', async (t) => {
      const { fleet, instances, pick } = crowd(t, count)
      t.equal(pick('first'), instances[0])
      instances[0]!.links[0]!.wire.close(1006, '')
      t.equal(pick('first'), instances[1])
      fleet.join({ tunnelId: id(1), instance: 1 })
      t.equal(pick('first'), instances[1], 'one that comes back is the youngest')
    })

    await t.test('round-robin gives each its turn, for each selector', async (t) => {
      const { tally, pick, fleet } = crowd(t, count)
      t.equal(spread(tally(2 * count, 'round-robin')), 0)
      const prod = wanted('round-robin', { selector: { purpose: 'prod' } })
      const all = new Set<Instance>()
      for (let i = 0; i < count; i++) {
        all.add(pick('round-robin'))
        if (i % 2 === 0) pick('round-robin', prod)
      }
      t.equal(all.size, count, 'another selector takes no turns of this one')
      t.equal(fleet.registry.all.size, count)
    })

    await t.test('random is uniform', async (t) => {
      const { tally } = crowd(t, count)
      t.ok(spread(tally(100 * count, 'random')) < 0.4)
    })

    await t.test('weighted goes by weight, and leaves out those without any', async (t) => {
      const { tally } = crowd(t, count, (i) => [1, 3, 0][i % 3]!)
      const counts = tally(80 * count, 'weighted')
      const share = (rest: number) => sum(counts.filter((_, i) => i % 3 === rest))
      t.ok(Math.abs(share(1) / share(0) - 3) < 0.1, `${share(1) / share(0)}`)
      t.equal(share(2), 0)
    })

    await t.test('weighted is smooth', async (t) => {
      const { tally } = crowd(t, count)
      t.ok(spread(tally(100 * count, 'weighted')) < 0.35)
    })

    await t.test('least-inflight takes the idle, ties at random', async (t) => {
      const { instances, pick, tally } = crowd(t, count)
      t.ok(spread(tally(100 * count, 'least-inflight')) < 0.4)
      for (let i = 0; i < 10 * count; i++) pick('least-inflight').inflight++
      const most = Math.max(...instances.map(({ inflight }) => inflight))
      t.ok(most <= (count > 64 ? 12 : 10), `${most} at one, 10 on average`)
      if (count > 64) return
      instances[2]!.inflight = 1
      t.same(tally(50, 'least-inflight'), [0, 0, 50])
    })

    await t.test('lowest-latency prefers the faster and tries the slow again', async (t) => {
      const { fleet, instances, tally } = crowd(t, count)
      for (const [i, instance] of instances.entries()) instance.answered(i === 0 ? 1000 : 10, fleet.now)
      const counts = tally(100 * count, 'lowest-latency')
      t.ok(counts[0]! < 5, `the slow one ${counts[0]}`)
      t.ok(counts[1]! > 50)
      fleet.now += 60_000
      for (const instance of instances.slice(1)) instance.answered(10, fleet.now)
      t.ok(tally(100 * count, 'lowest-latency')[0]! > 50, 'what was slow long ago may be fast now')
    })

    await t.test('lowest-latency sends one exchange to an instance it knows nothing of', async (t) => {
      const { fleet, instances, tally } = crowd(t, count)
      for (const instance of instances.slice(1)) instance.answered(10, fleet.now)
      t.ok(tally(100 * count, 'lowest-latency')[0]! > 50)
      instances[0]!.inflight = 1
      t.ok(tally(100 * count, 'lowest-latency')[0]! < 5)
    })

    await t.test('sticky stays, and moves only if its instance goes', async (t) => {
      const { instances, pick, picker, tally, fleet } = crowd(t, count)
      const keys = Array.from({ length: 20 * count }, (_, i) => ({ stickyKey: `caller ${i}` }))
      const counts = tally(keys.length, 'sticky', (i) => keys[i]!)
      t.ok(spread(counts) < (count > 64 ? 1 : 0.5), 'callers are spread')
      const before = keys.map((key) => pick('sticky', key))
      const goes = before[0]!
      goes.inflight = goes.maxConcurrent
      t.same(picker.pick(wanted('sticky', keys[0])), { kind: 'busy' }, 'a full one is waited for')
      goes.inflight = 0
      fleet.join({ tunnelId: id(count + 1) })
      goes.links[0]!.wire.close(1006, '')
      const after = keys.map((key) => pick('sticky', key))
      const moved = keys.filter(
        (_, i) => before[i] !== goes && after[i] !== before[i] && instances.includes(after[i]!),
      )
      t.equal(moved.length, 0, 'nobody moves between those that stay')
    })

    await t.test('three refused connections put an instance last for 5 s', async (t) => {
      for (const policy of [
        'first',
        'round-robin',
        'random',
        'weighted',
        'least-inflight',
        'lowest-latency',
        'sticky',
      ] as const) {
        const { fleet, instances, tally, pick, picker } = crowd(t, count)
        const bad = instances[0]!
        const strike = () => bad.strike(fleet.now)
        strike()
        strike()
        bad.answered(1, fleet.now)
        strike()
        strike()
        t.notOk(bad.penalised(fleet.now), 'not in a row')
        strike()
        t.equal(tally(4 * count, policy, (i) => ({ stickyKey: `${i}` }))[0], 0, policy)
        const others = instances.slice(1)
        t.equal(pick(policy, { tried: others }), bad, 'last is not never')
        fleet.now += 5000
        t.notOk(bad.penalised(fleet.now))
        t.same(picker.pick(wanted(policy, { tried: instances })), { kind: 'none' })
      }
    })

    await t.test(
      'full and unready instances are left out; a match that is busy is told from none',
      async (t) => {
        for (const policy of [
          'first',
          'round-robin',
          'random',
          'weighted',
          'least-inflight',
          'lowest-latency',
        ] as const) {
          const { instances, pick, picker } = crowd(t, count)
          const last = instances.at(-1)!
          for (const instance of instances) if (instance !== last) instance.inflight = instance.maxConcurrent
          t.equal(pick(policy), last, policy)
          last.inflight = last.maxConcurrent
          t.same(picker.pick(wanted(policy)), { kind: 'busy' })
          t.same(picker.pick(wanted(policy, { selector: { purpose: 'x' } })), { kind: 'none' })
          const only = { selector: { tunnelId: id(1) } }
          t.same(picker.pick(wanted(policy, only)), { kind: 'busy' })
          const { links } = instances[0]!
          instances[0]!.inflight = 0
          instances[0]!.open(ASKED, UNHEARD)
          links[0]!.goAway(GoAwayReason.draining, 0, '')
          t.same(picker.pick(wanted(policy, only)), { kind: 'none' }, 'one that drains is no match')
        }
      },
    )
  })
}
