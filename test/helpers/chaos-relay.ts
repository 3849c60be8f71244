/** One direction of one relayed connection. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertNever } from '../../shared/errors.js'
import type { Toxic } from './chaos-proxy.js'
import { write } from './chaos-write.js'

/** Past this the sender waits: its own backpressure is to be tested, not this memory. */
const HELD_MAX = 256 * 1024
/** A capped connection sends this often in a second. */
const TICKS = 20
/** Of each read so many bytes go singly: the rest would take hours. */
const SINGLE_BYTES = 200

export interface Weather {
  readonly toxic: Toxic
  changed(): Promise<void>
}

export class Relay {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  readonly #lost: () => boolean
  readonly #queue: { bytes: Buffer; at: number }[] = []
  #held = 0
  #busy = false
  #over = false
  #ended = false

  constructor(from: Socket, to: Socket, weather: Weather, lost: () => boolean) {
    this.#from = from
    this.#to = to
    this.#weather = weather
    this.#lost = lost
    from.on('data', (bytes) => this.#take(bytes))
    from.on('end', () => {
      this.#ended = true
      if (!this.#busy) this.#finish()
    })
  }

  stop(): void {
    this.#over = true
  }

  #take(bytes: Buffer): void {
    if (this.#lost()) return
    this.#queue.push({ bytes, at: performance.now() })
    this.#held += bytes.length
    if (this.#held > HELD_MAX) this.#from.pause()
    if (!this.#busy) void this.#run()
  }

  async #run(): Promise<void> {
    this.#busy = true
    for (let next = this.#queue.shift(); next !== undefined && !this.#over; next = this.#queue.shift()) {
      await this.#pass(next.bytes, next.at)
      this.#held -= next.bytes.length
      if (this.#held <= HELD_MAX) this.#from.resume()
    }
    this.#busy = false
    if (this.#ended) this.#finish()
  }

  #finish(): void {
    if (!this.#over && !this.#lost()) this.#to.end()
  }

  async #pass(bytes: Buffer, at: number): Promise<void> {
    const { toxic } = this.#weather
    switch (toxic.kind) {
      case 'none':
        return this.#write(bytes)
      case 'latency': {
        const due = at + toxic.ms + (Math.random() * 2 - 1) * toxic.jitter
        await sleep(Math.max(0, due - performance.now()))
        return this.#write(bytes)
      }
      case 'bandwidth': {
        const step = Math.max(1, Math.floor(toxic.bytesPerSecond / TICKS))
        for (let from = 0; from < bytes.length; from += step) {
          if (this.#weather.toxic !== toxic) return this.#write(bytes.subarray(from))
          await this.#write(bytes.subarray(from, from + step))
          await sleep(1000 / TICKS)
        }
        return
      }
      case 'slicer': {
        const singly = Math.min(bytes.length, SINGLE_BYTES)
        for (let from = 0; from < singly; from++) {
          await this.#write(bytes.subarray(from, from + 1))
          // Each leaves by itself, instead of waiting for the next in the same turn.
          await new Promise((resolve) => setImmediate(resolve))
        }
        return this.#write(bytes.subarray(singly))
      }
      case 'hold':
        await this.#weather.changed()
        return this.#over ? undefined : this.#pass(bytes, at)
      case 'blackhole':
        return
      default:
        assertNever(toxic)
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#over || this.#lost() || bytes.length === 0) return
    await write(this.#to, bytes)
  }
}
