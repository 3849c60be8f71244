/** One suite over every engine: what they promise is the same. */
import t, { type Test } from 'tap'
import type { Caller, Engine } from '../../gateway/edge/engine.js'
import { NO_EVENTS, type RigMaker, rigOn } from './engine-rig.js'

type EngineName = Engine['name']

/** Both, unless the environment names those that load here. One that is named and does not load fails. */
export const ENGINES = (process.env.GW_TEST_ENGINES ?? 'uws,node').split(',') as EngineName[]

/** A case that only one engine can do, and why the other cannot. */
export interface Only {
  only: EngineName
  why: string
}

type Body = (t: Test) => Promise<void>

export interface On {
  readonly engine: EngineName
  readonly rig: RigMaker
  test(name: string, body: Body): void
  test(name: string, limit: Only, body: Body): void
}

export function suites(suite: (on: On) => void): void {
  for (const engine of ENGINES) {
    suite({
      engine,
      rig: rigOn(engine),
      test: (name: string, limit: Only | Body, body?: Body) => {
        const title = `${engine}: ${name}`
        if (typeof limit === 'function') t.test(title, limit)
        else if (limit.only === engine) t.test(title, body!)
        else t.test(title, { skip: limit.why }, async () => {})
      },
    })
  }
}

/** Writes `body` as fast as the engine takes it. */
export function stream(caller: Caller, body: Buffer, length: number | undefined): void {
  let at = 0
  const go = () => {
    while (at < body.length) {
      const chunk = body.subarray(at, at + 100_000)
      at += chunk.length
      if (!caller.write(chunk)) return
    }
    caller.end()
  }
  caller.start({ status: 200, headers: [], length })
  caller.events = { ...NO_EVENTS, writable: go }
  go()
}
