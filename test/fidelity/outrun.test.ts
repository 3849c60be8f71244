/** A caller that sends faster than it can be held back, which no real one does reliably. */
import t from 'tap'
import { UwsIntake } from '../../gateway/edge/uws-intake.js'
import type { NativeResponse } from '../../gateway/edge/uws-native.js'
import { Turn } from '../../gateway/edge/uws-turn.js'
import { type Engine, limited } from './limits.js'

const PIECE = 512 * 1024
const MIB = 1024 * 1024

t.test('what comes in against a pause is bounded, and then the caller is cut', async (t) => {
  const engine: Engine = 'uws'
  let feed = (_chunk: ArrayBuffer, _last: boolean): void => {}
  const native = {
    onData: (handler: typeof feed) => (feed = handler),
    pause() {},
    resume() {},
  } as unknown as NativeResponse
  const turn = new Turn((error) => t.fail(String(error)))
  t.teardown(() => turn.close())
  let overruns = 0
  const intake = new UwsIntake(native, turn, {
    data: () => t.fail('nothing is delivered'),
    end: () => t.fail('it is not over'),
    unblock: () => false,
    overrun: () => overruns++,
    stopped() {},
  })
  intake.pause()
  const piece = new ArrayBuffer(PIECE)
  let held = 0
  for (; overruns === 0 && held <= 300 * MIB; held += PIECE) feed(piece, false)
  t.equal(held, 256 * MIB + PIECE)
  t.ok(limited(engine, 'outrun'))
})
