/** How long a request waits for an agent, and who is served next. */
import t, { type Test } from 'tap'
import { Dispatcher, type DispatchSettings, type Job } from '../../gateway/agents/dispatch.js'
import type { Instance } from '../../gateway/agents/instance.js'
import { GoAwayReason } from '../../shared/frames.js'
import { ASKED, Fleet, id, numbers, UNHEARD, wanted } from '../helpers/fleet.js'

const SURE = { unsure: false, look() {} }

/** A dispatcher over a fleet, and what it tells of each job. */
function desk(t: Test, settings: Partial<DispatchSettings> = {}) {
  const fleet = new Fleet(t)
  const defaults = { policy: 'first', queueTimeout: 60_000, holdMax: 100 } as const
  const dispatcher = new Dispatcher(fleet.registry, { ...defaults, ...settings }, () => fleet.now)
  t.teardown(() => dispatcher.close())
  const told: string[] = []
  const submit = (name: string, hold = 0, more: Partial<Job> = {}) => {
    let over!: () => void
    const done = new Promise<void>((resolve) => (over = resolve))
    const say = (text: string) => {
      told.push(`${name}: ${text}`)
      over()
    }
    const job: Job = {
      ...wanted('first'),
      hold,
      upload: SURE,
      ...more,
      assigned: (instance) => {
        instance.inflight++
        say(`at ${numbers([instance])[0]}`)
      },
      refused: ({ code, retryAfter }) => say(`${code} ${retryAfter}`),
    }
    dispatcher.submit(job)
    return { job, done }
  }
  const release = (instance: Instance) => {
    instance.inflight--
    dispatcher.released(instance)
  }
  return { fleet, dispatcher, told, submit, release }
}

t.test('without a match a request is refused at once, or held as long as it asks', async (t) => {
  const { dispatcher, told, submit, fleet } = desk(t)
  submit('a')
  const { done } = submit('b', 20)
  const { job } = submit('c', 60_000)
  t.same([told, dispatcher.waiting], [['a: no_agent 1'], 2])
  await done
  t.same(told.slice(1), ['b: no_agent 1'])
  dispatcher.cancel(job)
  fleet.join()
  t.same([told.length, dispatcher.waiting], [2, 0], 'one that left is not dispatched')
})

t.test('those that wait are served in order as an agent comes and as places are free', async (t) => {
  const { fleet, dispatcher, told, submit, release } = desk(t)
  for (const name of ['a', 'b', 'c']) submit(name, 60_000)
  submit('other', 60_000, { selector: { purpose: 'test' } })
  const instance = fleet.instance({ maxConcurrent: 1 })
  t.same([told, dispatcher.waiting], [['a: at 1'], 3])
  release(instance)
  release(instance)
  t.same([told, dispatcher.waiting], [['a: at 1', 'b: at 1', 'c: at 1'], 1])
  fleet.join({ tunnelId: id(2, 'test') })
  t.equal(told.at(-1), 'other: at 2')
})

t.test('a place is waited for up to the queue timeout', async (t) => {
  const { fleet, told, submit } = desk(t, { queueTimeout: 20 })
  fleet.join({ maxConcurrent: 1 })
  submit('a')
  await submit('b', 60_000).done
  t.same(told, ['a: at 1', 'b: overloaded 1'])
})

t.test('no more than hold-max wait', async (t) => {
  const { told, submit, dispatcher } = desk(t, { holdMax: 2 })
  for (const name of ['a', 'b', 'c']) submit(name, 60_000)
  t.same([told, dispatcher.waiting], [['c: overloaded 1'], 2])
  const free = desk(t, { holdMax: 0 })
  for (const name of ['a', 'b', 'c']) free.submit(name, 60_000)
  t.equal(free.dispatcher.waiting, 3, '0 is no limit')
})

t.test('an agent that restarts while a request waits costs it time, not an error', async (t) => {
  const { fleet, told, submit } = desk(t)
  const old = fleet.join({ maxConcurrent: 1 })
  submit('a')
  submit('b', 1000)
  fleet.now += 30_000
  old.wire.close(1006, '')
  t.same(told, ['a: at 1'], 'the wait for an agent begins when there is none')
  fleet.now += 600
  const next = fleet.join({ maxConcurrent: 1 })
  t.equal(told.at(-1), 'b: at 2')
  submit('c', 1000)
  next.wire.close(1006, '')
  fleet.now += 600
  fleet.instance({ maxConcurrent: 0 + 1 }).inflight = 0
  t.equal(told.at(-1), 'c: at 3')
})

t.test('an agent that comes and goes does not begin a wait anew', async (t) => {
  const { fleet, told, submit } = desk(t)
  for (const name of ['a', 'b']) submit(name, 60_000)
  submit('c', 1000)
  for (const expected of ['a: at 1', 'b: at 2']) {
    fleet.now += 600
    const link = fleet.join({ maxConcurrent: 1 })
    t.equal(told.at(-1), expected)
    fleet.now += 10_000
    link.wire.close(1006, '')
  }
  t.equal(told.at(-1), 'c: no_agent 1', '1200 ms without an agent are more than 1000')
})

t.test('a match that drains is none: what waits for a place there waits for an agent', async (t) => {
  const { fleet, told, submit } = desk(t)
  const link = fleet.join({ maxConcurrent: 1 })
  link.instance!.open(ASKED, UNHEARD)
  submit('a')
  submit('b', 60_000)
  link.goAway(GoAwayReason.draining, 0, '')
  t.same(told, ['a: no_agent 1'])
  fleet.join()
  t.equal(told.at(-1), 'b: at 2')
})

t.test('an unresponsive match is waited for, and served when it is heard', async (t) => {
  const fleet = new Fleet(t, { pingInterval: 100, pingTimeout: 100 })
  const dispatcher = new Dispatcher(
    fleet.registry,
    { policy: 'first', queueTimeout: 60_000, holdMax: 1 },
    () => fleet.now,
  )
  t.teardown(() => dispatcher.close())
  const link = fleet.join()
  const next = fleet.change('changed 1 unresponsive')
  fleet.now += 30
  await next
  let at: Instance | undefined
  dispatcher.submit({
    ...wanted('first'),
    hold: 0,
    upload: SURE,
    assigned: (instance) => (at = instance),
    refused: (problem) => t.fail(problem.code),
  })
  t.equal(dispatcher.waiting, 1)
  fleet.hear(link, { kind: 3, nonce: 1 })
  t.equal(at, link.instance)
})

t.test('what waits when the gateway drains is refused, and what comes later too', async (t) => {
  const { fleet, told, submit, dispatcher } = desk(t)
  submit('a', 60_000)
  dispatcher.close()
  submit('b', 60_000)
  t.same([told, dispatcher.waiting, fleet.registry.size], [['a: draining 1', 'b: draining 1'], 0, 0])
})

t.test('a request whose caller may have left is looked after before it is dispatched', async (t) => {
  for (const stays of [true, false]) {
    const { fleet, told, submit, dispatcher } = desk(t)
    let looked: (() => void) | undefined
    const upload = { unsure: true, look: (done: () => void) => (looked = done) }
    const { job } = submit('a', 60_000, { upload })
    submit('b', 60_000)
    fleet.join({ maxConcurrent: 1 })
    t.same(told, [], 'the place is kept')
    if (!stays) dispatcher.cancel(job)
    upload.unsure = false
    looked!()
    t.same(told, [stays ? 'a: at 1' : 'b: at 1'])
  }
})
