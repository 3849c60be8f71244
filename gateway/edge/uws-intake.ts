import { assertNever } from '../../shared/errors.js'
import { giveSlab, slabsOf } from './slabs.js'
import type { NativeResponse } from './uws-native.js'
import type { Turn } from './uws-turn.js'

/**
 * What a paused upload may bring in while the engine looks whether its caller is still there: an end is seen
 * only behind the bytes before it. Past it no one looks until `resume`. The engine reads as much at a time.
 */
const HELD_MAX = 512 * 1024

/** A caller that cannot be outrun is cut: memory is bounded, whatever the engine does. */
const HELD_LIMIT = 256 * 1024 * 1024

interface Held {
  held: Buffer[]
  bytes: number
  ended: boolean
}

/** What became of a request body. `held` came in against a pause; `ended`: the end is behind it. */
type IntakeState =
  | { kind: 'flowing' }
  | ({ kind: 'paused'; peeking: boolean } & Held)
  | ({ kind: 'releasing' } & Held)
  | { kind: 'delivered' }

export interface IntakeEvents {
  data(chunk: Buffer): void
  end(): void
  /** Writes what waits to be written; true if the socket is still full. */
  unblock(): boolean
  /** More came against a pause than may be held. */
  overrun(): void
  /** The socket is not polled any more, for writing neither. */
  stopped(): void
}

/**
 * The request body of one caller.
 *
 * The engine's `pause` saves what the socket was polled for and `resume` restores it, but in two slots that
 * all sockets share: one for sockets with bytes in the engine's buffer, one for those without. A `resume`
 * restores what another socket saved, or nothing at all. Safe are: a pair in one turn; and a `resume` without
 * buffered bytes, once the slot was filled. A write that does not go through ends a pause.
 */
export class UwsIntake {
  /** The engine has read the body to its end. */
  received = false
  /** The socket is not polled, as far as is known. */
  stopped = false
  private state: IntakeState = { kind: 'flowing' }
  private readonly res: NativeResponse
  private readonly turn: Turn
  private readonly events: IntakeEvents

  constructor(res: NativeResponse, turn: Turn, events: IntakeEvents) {
    this.res = res
    this.turn = turn
    this.events = events
    res.onData((chunk, last) => {
      turn.parsing = true
      this.arrive(chunk, last)
      turn.parsing = false
    })
    if (!turn.primed) {
      turn.primed = true
      this.keepAlive()
    }
  }

  pause(): void {
    const { state } = this
    switch (state.kind) {
      case 'flowing':
        this.state = { kind: 'paused', peeking: false, held: [], bytes: 0, ended: false }
        if (!this.received) this.stop()
        return
      case 'releasing':
        this.state = { ...state, kind: 'paused', peeking: false }
        return
      case 'paused':
      case 'delivered':
        return
      default:
        assertNever(state)
    }
  }

  resume(): void {
    if (this.state.kind !== 'paused') return
    if (this.state.held.length === 0 && !this.state.ended) {
      this.state = { kind: 'flowing' }
      this.go()
    } else {
      this.state = { ...this.state, kind: 'releasing' }
      this.turn.later(() => this.release())
    }
  }

  /** Nothing is delivered any more; the engine reads on and drops. */
  discard(): void {
    this.state = { kind: 'delivered' }
    if (this.stopped) this.go()
  }

  /** The caller is gone: the socket must not be touched. */
  forget(): void {
    this.state = { kind: 'delivered' }
    this.stopped = false
  }

  /** Restarts the engine's timer. */
  keepAlive(): void {
    this.res.pause()
    this.res.resume()
  }

  /** Polls a stopped socket until it is quiet, the only way to see that the caller has left. */
  peek(): void {
    if (this.state.kind !== 'paused' || this.state.bytes >= HELD_MAX) return
    this.state.peeking = true
    this.go()
    this.peekFrom(this.state.bytes)
  }

  private peekFrom(bytes: number): void {
    this.turn.later(() => {
      const { state } = this
      if (state.kind !== 'paused' || this.received) return
      if (state.bytes > bytes && state.bytes < HELD_MAX) return this.peekFrom(state.bytes)
      state.peeking = false
      this.stop()
    })
  }

  /** After a write that did not go through. */
  stopAgain(): void {
    if (this.stopped) this.res.pause()
  }

  private stop(): void {
    this.stopped = true
    this.res.pause()
    this.events.stopped()
  }

  private go(): void {
    if (!this.stopped) return
    if (this.turn.parsing) {
      // Its cork is no place for a backlog.
      this.turn.later(() => this.go())
      return
    }
    this.stopped = false
    // A write that fails polls for everything, so only a socket without a backlog needs more.
    if (!this.events.unblock()) this.keepAlive()
  }

  private arrive(chunk: ArrayBuffer, last: boolean): void {
    const { state } = this
    if (last) this.received = true
    switch (state.kind) {
      case 'delivered':
        return
      case 'paused':
      case 'releasing':
        if (chunk.byteLength > 0) {
          // The engine reads on in the same turn, past any pause, for as long as its buffer of 512 KiB comes back
          // full: until a caller on the same machine is outrun.
          state.held.push(...slabsOf(new Uint8Array(chunk)))
          state.bytes += chunk.byteLength
          if (state.bytes > HELD_LIMIT) {
            this.events.overrun()
            return
          }
        }
        state.ended ||= last
        // Nothing is left to hold back; a socket that stays stopped would never see the caller's next request.
        if (last) this.go()
        else if (state.kind === 'paused' && !(state.peeking && state.bytes < HELD_MAX)) this.stop()
        return
      case 'flowing':
        if (chunk.byteLength > 0) this.events.data(Buffer.from(chunk))
        if (last) this.finish()
        return
      default:
        assertNever(state)
    }
  }

  /** The body's end, after its last chunk was delivered: that may have paused the rest. */
  private finish(): void {
    const { state } = this
    switch (state.kind) {
      case 'flowing':
        this.state = { kind: 'delivered' }
        this.events.end()
        return
      case 'paused':
      case 'releasing':
        state.ended = true
        return
      case 'delivered':
        return
      default:
        assertNever(state)
    }
  }

  private release(): void {
    while (this.state.kind === 'releasing') {
      const chunk = this.state.held.shift()
      if (chunk !== undefined) {
        this.state.bytes -= chunk.length
        this.events.data(chunk)
        giveSlab(chunk)
      } else if (this.state.ended) {
        this.state = { kind: 'delivered' }
        this.events.end()
      } else {
        this.state = { kind: 'flowing' }
        this.go()
      }
    }
  }
}
