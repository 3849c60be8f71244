/** What an engine's own timers would cut, and what is not noticed while an upload is paused. */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Caller } from '../../gateway/edge/engine.js'
import { NO_EVENTS, RawCaller, Signal } from '../helpers/engine-rig.js'
import { stream, suites } from '../helpers/engine-suite.js'

t.setTimeout(110_000)

const STALL_MS = 25_000

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const READ = { complete: true, same: true }

interface Case {
  name: string
  run: () => Promise<unknown>
  expected: unknown
}

suites(({ engine, rig }) => {
  /** A reader that reads nothing for a while, then everything. */
  async function stalledReader(answer: (caller: Caller, body: Buffer) => void) {
    const body = randomBytes(24 << 20)
    await using site = await rig((caller) => answer(caller, body))
    const caller = new RawCaller(site.port)
    caller.socket.pause()
    caller.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await wait(STALL_MS)
    caller.socket.resume()
    const response = await caller.response()
    caller.socket.destroy()
    return { complete: response.complete, same: sha(response.body) === sha(body) }
  }

  const cases: Case[] = [
    {
      name: 'a reader that stalls for 25 s gets every byte of a chunked answer',
      run: () => stalledReader((caller, body) => stream(caller, body, undefined)),
      expected: READ,
    },
    {
      name: 'and of one with a length',
      run: () => stalledReader((caller, body) => stream(caller, body, body.length)),
      expected: READ,
    },
    {
      name: 'and of one given at once',
      run: () => stalledReader((caller, body) => caller.respond({ status: 200, headers: [] }, body)),
      expected: READ,
    },
    {
      name: 'and of one that follows a chunked request and ends the connection',
      run: async () => {
        const body = randomBytes(24 << 20)
        await using site = await rig((caller) => {
          caller.events = { ...NO_EVENTS, end: () => stream(caller, body, undefined) }
        })
        const caller = new RawCaller(site.port)
        caller.socket.pause()
        caller.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n')
        await wait(STALL_MS)
        caller.socket.resume()
        const response = await caller.response()
        caller.socket.destroy()
        return { complete: response.complete, same: sha(response.body) === sha(body) }
      },
      expected: READ,
    },
    {
      name: 'an upload of 1 KB/s is received whole',
      run: async () => {
        const got: Buffer[] = []
        await using site = await rig((caller) => {
          caller.events = {
            ...NO_EVENTS,
            data: (chunk) => got.push(Buffer.from(chunk)),
            end: () => caller.respond({ status: 200, headers: [] }, 'done'),
          }
        })
        const caller = new RawCaller(site.port)
        caller.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 25600\r\n\r\n')
        for (let i = 0; i < 25; i += 1) {
          caller.send(Buffer.alloc(1024, i))
          await wait(1000)
        }
        const response = await caller.response()
        caller.socket.destroy()
        return { body: String(response.body), bytes: Buffer.concat(got).length }
      },
      expected: { body: 'done', bytes: 25600 },
    },
    {
      name: 'an answer that begins 13 s after a slow upload and stops for 12 s in between is not cut',
      run: async () => {
        await using site = await rig((caller) => {
          const answer = async () => {
            await wait(13_000)
            caller.start({ status: 200, headers: [] })
            caller.write(Buffer.from('one'))
            await wait(12_000)
            caller.write(Buffer.from('two'))
            caller.end()
          }
          caller.events = { ...NO_EVENTS, end: () => void answer() }
        })
        const caller = new RawCaller(site.port)
        caller.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbo')
        await wait(4500)
        caller.send('dy')
        const response = await caller.response()
        caller.socket.destroy()
        return { complete: response.complete, body: String(response.body) }
      },
      expected: { complete: true, body: 'onetwo' },
    },
    {
      name: 'an upload that is paused for 25 s goes on, and nothing is delivered meanwhile',
      run: async () => {
        const got: Buffer[] = []
        const before: number[] = []
        await using site = await rig((caller) => {
          let paused = false
          caller.events = {
            ...NO_EVENTS,
            data: (chunk) => {
              got.push(Buffer.from(chunk))
              if (paused) before.push(chunk.length)
              if (got.length > 1) return
              paused = true
              caller.pause()
              setTimeout(() => {
                paused = false
                caller.resume()
              }, STALL_MS)
            },
            end: () => caller.respond({ status: 200, headers: [] }, 'done'),
          }
        })
        const body = randomBytes(16 << 20)
        const caller = new RawCaller(site.port)
        caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`).send(body)
        const response = await caller.response()
        caller.socket.destroy()
        return { body: String(response.body), before, same: sha(Buffer.concat(got)) === sha(body) }
      },
      expected: { body: 'done', before: [], same: true },
    },
    {
      name: 'an echo whose caller does not read for 15 s holds the upload back and loses nothing',
      run: async () => {
        let highest = 0
        await using site = await rig((caller) => {
          let waiting = 0
          caller.events = {
            ...NO_EVENTS,
            data: (chunk) => {
              waiting += chunk.length
              highest = Math.max(highest, waiting)
              if (!caller.write(chunk)) caller.pause()
              else waiting = 0
            },
            writable: () => {
              waiting = 0
              caller.resume()
            },
            end: () => caller.end(),
          }
          caller.start({ status: 200, headers: [] })
        })
        const body = randomBytes(48 << 20)
        const caller = new RawCaller(site.port)
        caller.socket.pause()
        caller.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`).send(body)
        await wait(15_000)
        caller.socket.resume()
        const response = await caller.response()
        caller.socket.destroy()
        return {
          complete: response.complete,
          same: sha(response.body) === sha(body),
          bounded: highest < 2 << 20,
        }
      },
      expected: { ...READ, bounded: true },
    },
    ...(['end', 'reset'] as const).flatMap((way) =>
      [0, 200_000].map((extra) => ({
        name: `a caller that leaves by ${way} with ${extra} bytes unread, while its upload is paused, is noticed within 5 s`,
        run: async () => {
          const paused = new Signal()
          const left = new Signal()
          await using site = await rig((caller) => {
            caller.events = {
              ...NO_EVENTS,
              data: () => {
                caller.pause()
                paused.fire()
              },
              aborted: left.fire,
            }
          })
          const caller = new RawCaller(site.port)
          caller.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nx')
          await paused.promise
          await new Promise<void>((resolve) => caller.socket.write(Buffer.alloc(extra), () => resolve()))
          if (way === 'end') caller.socket.destroy()
          else caller.socket.resetAndDestroy()
          const since = performance.now()
          await left.promise
          return performance.now() - since < 5000
        },
        expected: true,
      })),
    ),
    {
      name: 'a caller that ignores connection: close is disconnected',
      run: async () => {
        await using site = await rig((caller) => caller.respond({ status: 204, headers: [], close: true }))
        const caller = new RawCaller(site.port)
        caller.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
        const response = await caller.response()
        const since = performance.now()
        await caller.closed
        return [response.status, performance.now() - since < 9000]
      },
      expected: [204, true],
    },
  ]

  // All at once, over all engines: each spends its time waiting.
  const results = cases.map((each) => each.run().catch((error: unknown) => error))
  t.test(engine, async (t) => {
    for (const [i, each] of cases.entries()) {
      await t.test(each.name, { timeout: 60_000 }, async (t) => t.strictSame(await results[i], each.expected))
    }
  })
})
