/** What the chaos kit found, each in the smallest form that shows it. */
import t from 'tap'
import { RawCaller } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'
import { ResetCode } from '../helpers/raw-agent.js'
import { call, startGateway } from '../helpers/tunnel.js'

const MIB = 1024 * 1024

const NEXT = 'a connection serves the next request after an upload whose end came against a pause'

suites(({ test, rig }) =>
  test(NEXT, async (t) => {
    await using engine = await rig((caller) => {
      caller.events = {
        data: () => {
          caller.pause()
          setTimeout(() => caller.resume(), 1)
        },
        end: () => caller.respond({ status: 200, headers: [] }, 'ok'),
        writable() {},
        aborted() {},
      }
    })
    // How much the engine reads at once depends on the system: one of these ends inside a read that was paused.
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_, n) => {
        const caller = new RawCaller(engine.port)
        t.teardown(() => caller.socket.destroy())
        const size = MIB + n * 64 * 1024
        caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`).send(Buffer.alloc(size))
        const upload = await caller.response()
        caller.clear()
        const next = await caller.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n').response()
        return [upload.status, next.status]
      }),
    )
    t.same(
      answers,
      answers.map(() => [200, 200]),
    )
  }),
)

t.test('a request that an agent refuses as it goes waits for the one that comes back', async (t) => {
  const site = await startGateway(t, { hold: 10_000 })
  const old = await site.agent()
  const answer = call(`${site.url}/t/${old.tunnelId}/`, { method: 'POST', body: 'once' })
  const crossed = await old.next()
  old.goAway()
  crossed.refuse(ResetCode.refused, 'the agent is draining')
  await site.log.find({ msg: 'exchange moved to another instance' })
  await site.agent({ tunnelId: old.tunnelId, serve: (exchange) => exchange.respond(200, 'served') })
  const { status, body } = await answer
  t.same([status, body], [200, 'served'])
})
