import type { IncomingMessage } from 'node:http'
import type { DenseSet, Placed } from '../../shared/dense-set.js'
import { assertNever } from '../../shared/errors.js'

/**
 * What a paused upload may bring in while we look whether its caller is still there: an end is seen only behind the
 * bytes before it. Past it no one looks until `resume`.
 */
const HELD_MAX = 512 * 1024

/** Sweeps that a pause lasts before it is looked behind. */
const PATIENT_SWEEPS = 2

interface Held {
  held: Buffer[]
  bytes: number
  ended: boolean
}

/** What became of a request body. `holding`: it is read on against a pause. `releasing`: what was held goes out. */
type IntakeState =
  | { kind: 'flowing' }
  | { kind: 'paused'; sweeps: number }
  | ({ kind: 'holding' } & Held)
  | ({ kind: 'releasing' } & Held)
  | { kind: 'delivered' }

export interface IntakeEvents {
  data(chunk: Buffer): void
  end(): void
  /** The caller's bytes are wanted from now on. */
  reading(): void
}

/** The request body of one caller. */
export class NodeIntake implements Placed {
  place = -1
  private state: IntakeState = { kind: 'flowing' }
  private attached = false
  private readonly req: IncomingMessage
  /** Those that are paused. */
  private readonly swept: DenseSet<NodeIntake>
  private readonly events: IntakeEvents

  constructor(req: IncomingMessage, swept: DenseSet<NodeIntake>, events: IntakeEvents) {
    this.req = req
    this.swept = swept
    this.events = events
  }

  /** The handler has run: the body may come. */
  start(): void {
    if (this.state.kind === 'delivered') return
    if (this.state.kind === 'flowing' && this.req.complete) {
      this.events.reading()
      this.takeWhole()
      return
    }
    this.attached = true
    if (this.state.kind === 'paused') this.req.pause()
    else this.events.reading()
    this.req.on('data', (chunk: Buffer) => this.arrive(chunk))
    this.req.on('end', () => this.finish())
  }

  pause(): void {
    const { state } = this
    switch (state.kind) {
      case 'flowing':
        this.state = { kind: 'paused', sweeps: 0 }
        if (this.attached) this.req.pause()
        this.swept.add(this)
        return
      case 'releasing':
        this.state = { ...state, kind: 'holding' }
        return
      case 'paused':
      case 'holding':
      case 'delivered':
        return
      default:
        assertNever(state)
    }
  }

  resume(): void {
    const { state } = this
    switch (state.kind) {
      case 'paused':
        this.state = { kind: 'flowing' }
        this.swept.delete(this)
        if (!this.attached) return
        this.events.reading()
        this.req.resume()
        return
      case 'holding':
        this.state = { ...state, kind: 'releasing' }
        setImmediate(() => this.release())
        return
      case 'flowing':
      case 'releasing':
      case 'delivered':
        return
      default:
        assertNever(state)
    }
  }

  /** Nothing is delivered any more; what comes is read and dropped. */
  discard(): void {
    this.state = { kind: 'delivered' }
    this.swept.delete(this)
    if (this.attached) this.req.resume()
  }

  /** Reads behind a pause that lasts, the only way to see that the caller has left. */
  sweep(): void {
    if (this.state.kind !== 'paused' || !this.attached) return
    this.state.sweeps += 1
    if (this.state.sweeps < PATIENT_SWEEPS) return
    this.state = { kind: 'holding', held: [], bytes: 0, ended: false }
    this.swept.delete(this)
    this.req.resume()
  }

  /** A short body that came with its head needs none of a stream's events. */
  private takeWhole(): void {
    this.attached = true
    for (;;) {
      // From Node 26 on this is one piece of several.
      const chunk = this.req.read() as Buffer | null
      if (chunk === null) break
      this.arrive(chunk)
    }
    this.finish()
  }

  private arrive(chunk: Buffer): void {
    const { state } = this
    switch (state.kind) {
      case 'flowing':
        this.events.data(chunk)
        return
      case 'paused':
        // Node had begun to hand it out.
        this.state = { kind: 'holding', held: [chunk], bytes: chunk.length, ended: false }
        this.swept.delete(this)
        return
      case 'holding':
      case 'releasing':
        state.held.push(chunk)
        state.bytes += chunk.length
        if (state.bytes >= HELD_MAX) this.req.pause()
        return
      case 'delivered':
        return
      default:
        assertNever(state)
    }
  }

  private finish(): void {
    const { state } = this
    switch (state.kind) {
      case 'flowing':
        this.state = { kind: 'delivered' }
        this.events.end()
        return
      case 'paused':
        this.swept.delete(this)
        this.state = { kind: 'holding', held: [], bytes: 0, ended: true }
        return
      case 'holding':
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
      } else if (this.state.ended) {
        this.state = { kind: 'delivered' }
        this.events.end()
      } else {
        this.state = { kind: 'flowing' }
        this.events.reading()
        this.req.resume()
      }
    }
  }
}
